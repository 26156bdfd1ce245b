"""Several application hosts on one PostgreSQL: each has a gunicorn and a pooler of its own.

All of them are there all the time, on this one machine; a task says how many are sent requests.
"""

import tempfile
import threading
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import psycopg
from django.db import connection

from benchmarks.sides.measuring import processor_seconds
from benchmarks.sides.programs import (
    free_port,
    seconds_of,
    start_gunicorn,
    start_redis,
)
from benchmarks.sides.served import WARM_UPS, Requests, Work, postgres_seconds, sent_at_once, since
from benchmarks.sides.world import WALLETS

# How many there are, and of each pooler the sessions it has as deploy/pgbouncer.ini says.
MOST, SESSIONS = 4, 20
LOOKS_EVERY_SECONDS = 0.02
# Of each session that has a transaction: what it is doing at this moment.
DOING = """
SELECT CASE WHEN state LIKE 'idle in transaction%%' THEN 'the host'
            WHEN wait_event_type = 'Lock' THEN 'a lock'
            WHEN wait_event IN ('WalSync', 'WALSync', 'WalWrite', 'WALWrite') THEN 'the log'
            WHEN wait_event IS NULL THEN 'a processor'
            ELSE wait_event_type || ' ' || wait_event END
FROM pg_stat_activity
WHERE datname = %s AND backend_type = 'client backend' AND xact_start IS NOT NULL
"""


class Hosts(Requests):
    sends_again = True

    def __init__(self) -> None:
        super().__init__(free_port())
        self._name = connection.settings_dict["NAME"]
        self._stack, redis = ExitStack(), free_port()
        self._redis = start_redis(redis, self._folder())
        self._ports = [free_port() for _ in range(MOST)]
        self._pooled = [free_port() for _ in range(MOST)]
        self._pools = ExitStack()
        self.pool(sessions=SESSIONS)
        folders = [self._folder() for _ in self._ports]
        self._logs = [Path(folder, "access.log") for folder in folders]
        self._gunicorns = [
            start_gunicorn(port, database=self._address(pooled), redis=redis, folder=folder)
            for port, pooled, folder in zip(self._ports, self._pooled, folders, strict=True)
        ]

    def close(self) -> None:
        for process in (*self._gunicorns, self._redis):
            process.terminate()
            process.wait()
        self._pools.close()
        self._stack.close()

    def pool(self, *, sessions: int) -> None:
        """Each pooler anew, with so many sessions of PostgreSQL."""
        # Not there in every build that is measured.
        from tests.poolers import running

        self._pools.close()
        self._poolers = [
            self._pools.enter_context(running(Path(self._folder()), port, sessions=sessions))
            for port in self._pooled
        ]

    def spread(self, *, hosts: int, size: int, clients: int, times: int, apart: bool) -> dict:
        """So many clients a host, each with so many batches one after the other. `apart`: no two
        clients report calls of the same wallets."""
        everybody = self._work(hosts, size, clients, times, apart=apart)
        sent_at_once(self._work(hosts, 1, clients, WARM_UPS, apart=apart))
        before = self._seconds()
        with self._watched() as doing:
            found = sent_at_once(everybody)
        after, count = self._seconds(), len(found.each)
        python, pooler = ((after[name] - before[name]) / count for name in ("python", "pooler"))
        return {
            "each": found.each,
            "together": found.together,
            "python": [python],
            "postgres": [since(before["postgres"]) / count],
            "pooler": pooler,
            "refused": after["refused"] - before["refused"],
            "doing": doing,
        }

    def _address(self, pooled: int) -> str:
        user = connection.settings_dict["USER"]
        return f"postgres://{user}@127.0.0.1:{pooled}/{self._name}?pool_mode=transaction"

    def _folder(self) -> str:
        return self._stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-"))

    def _work(self, hosts: int, size: int, clients: int, times: int, *, apart: bool) -> list[Work]:
        work, share = [], WALLETS // (hosts * clients)
        for client in range(hosts * clients):
            self._port = self._ports[client % hosts]
            if apart:
                self.among = range(client * share + 1, (client + 1) * share + 1)
                # What others have reported would be reported again.
                self._charged.clear()
            work.append([(None, self.batch(size)) for _ in range(times)])
        self.among = range(1, WALLETS + 1)
        return work

    def _seconds(self) -> dict:
        return {
            "python": sum(map(seconds_of, self._gunicorns)),
            "pooler": sum(processor_seconds(one.pid) for one in self._poolers),
            "postgres": postgres_seconds(),
            # How often somebody was told 503, and sent it again.
            "refused": sum(log.read_text().count('" 503 ') for log in self._logs),
        }

    def _watched(self) -> "_Watched":
        return _Watched(self._name)


class _Watched:
    """Looks again and again what every open transaction is doing; gives each its share."""

    def __init__(self, database: str) -> None:
        self._database, self._over = database, threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._seen: Counter[str] = Counter()
        self._shares: dict[str, float] = {}

    def __enter__(self) -> dict[str, float]:
        facts = connection.settings_dict
        self._server = psycopg.connect(
            host=facts["HOST"],
            port=facts["PORT"] or None,
            user=facts["USER"],
            password=facts["PASSWORD"] or None,
            dbname="postgres",
            autocommit=True,
        )
        self._thread.start()
        return self._shares

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self._thread.join()
        self._server.close()
        every = sum(self._seen.values()) or 1
        self._shares.update({what: count / every for what, count in self._seen.items()})

    def _look(self) -> None:
        while not self._over.wait(LOOKS_EVERY_SECONDS):
            self._seen.update(what for (what,) in self._server.execute(DOING, [self._database]))
