"""When the clock ticked, seen from beside: the canary's row is overwritten by each tick."""

import threading
import time

import psycopg

from tests.cluster.cluster import rows
from tests.cluster.waiting import wait_until

LOOKS_EVERY = 1
TICK = "SELECT extract(epoch FROM started_at)::float FROM accounts_jobrun WHERE name = %s"


class Beats:
    def __init__(self) -> None:
        self.begun: list[float] = []
        self._last: float | None = None
        threading.Thread(target=self._look, daemon=True).start()

    def _look(self) -> None:
        while True:
            try:
                for (begun,) in rows(TICK, "thinkrr_billing.canary"):
                    if begun != self._last:
                        self._last = begun
                        self.begun.append(time.time())
            except psycopg.Error:
                pass  # Nobody leads just now: the row is there afterwards.
            time.sleep(LOOKS_EVERY)

    def wait_for_one_more(self) -> None:
        seen = len(self.begun)
        wait_until(lambda: len(self.begun) > seen, "the clock ticks", seconds=180)
