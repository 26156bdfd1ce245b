"""The limit: the same rows by one SQL statement, on the schema of its build."""

from collections.abc import Callable

from django.db import connection
from psycopg import Cursor

from accounts import clock
from accounts.runtime.ids import time_ordered_uuid
from benchmarks.sides.workload import Side
from benchmarks.sides.world import HERE, WALLETS


class Limit(Side):
    """Prepared, and with its values bound by the server."""

    def __init__(self) -> None:
        super().__init__()
        self._statement = (HERE / "limit.sql").read_text()
        connection.connection.prepare_threshold = 0

    def batch(self, size: int) -> Callable[[], None]:
        share = self.share(size)
        values = {
            "batch": str(time_ordered_uuid()),
            "wallets": WALLETS,
            "everyday": share.everyday,
            "crossing": self.crossing_from(share.crossing),
            "crossings": share.crossing,
            "now": clock.now(),
        }
        return lambda: self._run(values) if sum(share) else None

    def _run(self, values: dict[str, object]) -> None:
        Cursor(connection.connection).execute(self._statement, values, prepare=True)
