"""The search path of what is sent, where there are cells (`accounts.cells.place`).

It is set for a transaction, never for a session: a pooler gives that to somebody else, and so
nothing has to be taken back, whatever happens. It goes with what begins the transaction, and costs
no round trip.

It is a statement of its own: where tables are distributed (Citus), SET LOCAL is sent to the nodes
as the text it came in, with whatever else stands there, and what a function sets stays here."""

from contextlib import nullcontext
from typing import Any

import psycopg
from django.db.backends.postgresql.base import Cursor
from psycopg.adapt import Transformer
from psycopg.pq import TransactionStatus

from accounts.cells import place
from accounts.runtime.pipeline import Pipeline

# After a savepoint was rolled back nobody knows.
_UNKNOWN = ""
_SET = "SET LOCAL search_path TO {}"
# Nobody may take it back within the transaction.
_READ_ONLY = "SET LOCAL transaction_read_only TO on"


class Path:
    """Where the present transaction of one connection looks for tables."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection
        self._of_transaction = _UNKNOWN
        self._is_read_only = False
        # What the session has by itself.
        self.of_session = place.OUTSIDE

    @property
    def is_known(self) -> bool:
        """Whether the next statement is looked for where it should be."""
        if self.is_idle:
            self._of_transaction, self._is_read_only = self.of_session, False
        return self._of_transaction == place.search_path() and (
            self._is_read_only or not place.is_read_only()
        )

    def before(self) -> list[str]:
        """What has to be sent in front of the next statement, and within its transaction, if
        anything. Each is a statement."""
        if self.is_known:
            return []
        self._of_transaction = place.search_path()
        self._is_read_only = place.is_read_only()
        path = _SET.format(self._of_transaction)
        return [path, _READ_ONLY] if self._is_read_only else [path]

    @property
    def is_idle(self) -> bool:
        return self._connection.pgconn.transaction_status == TransactionStatus.IDLE

    def forget(self) -> None:
        self._of_transaction = _UNKNOWN


class PathCursor(Cursor):
    """Sets the path in front of a statement that needs it."""

    def execute(self, query: Any, params: Any = None, **options: Any) -> "PathCursor":
        path = self.connection.path
        if path.is_known:
            return super().execute(query, params, **options)
        if path.is_idle and self.connection.autocommit:
            return self._execute_alone(query, params)
        set_path(self.connection)
        return super().execute(query, params, **options)

    def _execute_alone(self, query: Any, params: Any) -> "PathCursor":
        """What is a transaction by itself is sent with its begin, path and end. As psycopg does it
        for the statement alone."""
        self._reset()
        self._tx = Transformer(self)
        self._query = self._convert_query(query, params)
        pipeline = Pipeline(self.connection)
        answer = pipeline.ask_for_cursor(self._query.query)
        pipeline.leave()
        self._check_results([answer.result])
        self._set_results([answer.result])
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
    """Within a transaction, which begins with that where there is none yet: a round trip, that of
    its begin."""
    if not connection.path.is_known:
        Pipeline(connection).leave()
