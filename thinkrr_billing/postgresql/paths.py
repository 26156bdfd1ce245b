"""The search path of what is sent, where there are cells (`accounts.cells.place`).

It is set for a transaction, never for a session: a pooler gives that to somebody else, and so
nothing has to be taken back, whatever happens. It goes in one message with the first statement, and
costs no round trip."""

from contextlib import nullcontext
from typing import Any

import psycopg
from django.db.backends.postgresql.base import Cursor
from psycopg.pq import TransactionStatus
from psycopg.sql import SQL, Composable

from accounts.cells import place

# After a savepoint was rolled back nobody knows.
_UNKNOWN = ""
_SET = "SET LOCAL search_path TO {}"
# What is a transaction by itself: SET LOCAL would warn that there is none.
_SET_FOR_ONE = "SELECT set_config('search_path', '{}', true)"


class Path:
    """Where the present transaction of one connection looks for tables."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection
        self._of_transaction = _UNKNOWN
        # What the session has by itself.
        self.of_session = place.OUTSIDE

    def before(self) -> str:
        """What has to be sent in front of the next statement, and with it, if anything."""
        wanted = place.search_path()
        if self.is_idle:
            self._of_transaction = self.of_session
            if self._connection.autocommit:
                return "" if wanted == self.of_session else _SET_FOR_ONE.format(wanted)
        if wanted == self._of_transaction:
            return ""
        self._of_transaction = wanted
        return _SET.format(wanted)

    @property
    def is_idle(self) -> bool:
        return self._connection.pgconn.transaction_status == TransactionStatus.IDLE

    def forget(self) -> None:
        self._of_transaction = _UNKNOWN


class PathCursor(Cursor):
    """Sets the path in front of a statement that needs it."""

    def execute(self, query: Any, params: Any = None, **options: Any) -> "PathCursor":
        if not (before := self.connection.path.before()):
            return super().execute(query, params, **options)
        first = f"{before}; "
        together = SQL(first) + query if isinstance(query, Composable) else first + query
        super().execute(together, params, **options)
        # Past the answer to what was put in front.
        self.nextset()
        return self

    def executemany(self, query: Any, params_seq: Any, **options: Any) -> None:
        path = self.connection.path
        alone = path.is_idle and self.connection.autocommit
        with self.connection.transaction() if alone else nullcontext():
            if alone:
                path.forget()
            set_path(self.connection)
            super().executemany(query, params_seq, **options)


def follow(connection: psycopg.Connection) -> None:
    """From now on what this connection sends is looked for from where its thread is."""
    connection.path = Path(connection)
    connection.cursor_factory = PathCursor


def keep_for_session(connection: psycopg.Connection) -> None:
    """For what can be in no transaction: until it is closed, this connection has the path from
    here by itself. Never behind a pooler, nor where requests share a connection."""
    Cursor(connection).execute(f"SET search_path TO {place.search_path()}")
    connection.path.of_session = place.search_path()


def set_path(connection: psycopg.Connection) -> None:
    """For what cannot have it in front: a round trip, where a transaction begins with that."""
    if before := connection.path.before():
        Cursor(connection).execute(before)
