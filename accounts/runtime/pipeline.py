"""Statements sent in a row over one connection, below the cursors of Django and psycopg.

Those took longer for the eight statements of a single call than all its rules. libpq keeps what is
small until somebody waits, so that it goes in one message; each text is prepared once a connection,
unless that is a pooler's, which has another session for each transaction.
"""

import re
from collections import deque
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import cache
from itertools import count
from typing import TypeVar
from uuid import UUID
from weakref import WeakKeyDictionary

import psycopg
from psycopg import errors
from psycopg.abc import PQGen
from psycopg.adapt import Transformer
from psycopg.generators import fetch_many, send
from psycopg.pq import ExecStatus, TransactionStatus
from psycopg.pq.abc import PGresult

from accounts.cells import place

Values = Sequence[object] | Mapping[str, object]
A = TypeVar("A", bound="Answer | None")

# Bytes of values from which on PostgreSQL gets its work at once, and answers as soon as it is done,
# while we write what comes next.
LARGE = 8192

# What writes itself as PostgreSQL reads it, where the statement casts it.
_PLAIN = (str, int, Decimal, UUID, datetime)
_PLACE = re.compile(r"%(?:(?P<percent>%)|\((?P<name>\w+)\)s|s)")
_FAILED = (ExecStatus.FATAL_ERROR, ExecStatus.PIPELINE_ABORTED)

# What each connection has prepared, under which name. None is given twice: of one that was sent
# together with a mistake nobody knows whether it is there.
# Where there are cells, each has its own: planned for another's tables it would be planned anew.
_prepared: WeakKeyDictionary[psycopg.Connection, dict[str, dict[str, bytes]]] = WeakKeyDictionary()
_numbers = count()
# A connection that serves more cells forgets those of the one that it has not served for longest.
CELLS_PREPARED = 16


class Answer:
    """The rows of a statement that was sent."""

    def __init__(self, pipeline: "Pipeline") -> None:
        self._pipeline = pipeline
        # Loaded as they come, while PostgreSQL is at the next statement.
        self.loaded: list[tuple] | None = None

    def rows(self) -> list[tuple]:
        """Wait for them. Raises psycopg's Error when this statement failed, or one before it."""
        if self.loaded is None:
            self._pipeline.receive(self)
        return self.loaded


class ForCursor(Answer):
    """An answer as libpq has it, for a cursor that loads its rows; None until it is here."""

    result: PGresult | None = None


class Pipeline:
    """Sends what it is given without waiting; answers come in the order they were asked for.

    Until it is left its connection can do nothing else. Begins the transaction where there has to
    be one; in autocommit all that it sends is one, and within a cell it begins and ends that.
    """

    def __init__(self, connection: psycopg.Connection, *, prepares: bool = True) -> None:
        self._prepares = prepares
        self._connection, self._pgconn = connection, connection.pgconn
        of_cells = _prepared.setdefault(connection, {})
        # Last what was used last.
        self._names = of_cells[place.current()] = of_cells.pop(place.current(), {})
        self._named_here: list[str] = []
        # One for each command that is not answered yet; None where nobody asked for rows.
        self._unanswered: deque[Answer | None] = deque()
        self._failure: psycopg.Error | None = None
        self.is_open = True
        idle = self._pgconn.transaction_status == TransactionStatus.IDLE
        first = _first(connection)
        # Only within a transaction that was begun does a path reach the nodes of Citus.
        self._ends = bool(idle and connection.autocommit and first)
        self._pgconn.enter_pipeline_mode()
        if idle and (first or not connection.autocommit):
            self.command("BEGIN")
        for one in first:
            self.command(one)
        if idle and len(of_cells) > CELLS_PREPARED:
            self._forget(of_cells.pop(next(iter(of_cells))))

    def _forget(self, names: dict[str, bytes]) -> None:
        """Where a transaction has just begun, nothing keeps the server from doing so."""
        for name in names.values():
            self.command(f"DEALLOCATE {name.decode()}")

    def command(self, text: str) -> None:
        """Send what has neither values nor rows."""
        self._send_as_it_is(text.encode(), None)

    def ask(self, statement: str, values: Values | None) -> Answer:
        """Send a statement. What it fails with is raised when an answer is read, or on leaving.

        Without values (None) it is one whose text is another each time, and is not prepared.
        """
        if values is None:
            return self._send_as_it_is(statement.encode(), Answer(self))
        text, keys = _with_numbers(statement)
        written = [_written(values[key]) for key in keys]
        if self._prepares:
            self._pgconn.send_query_prepared(self._named(statement, text), written)
        else:
            self._pgconn.send_query_params(text, written)
        self._unanswered.append(answer := Answer(self))
        if sum(len(value) for value in written if value) >= LARGE:
            self._pgconn.send_flush_request()
            self._pgconn.flush()
        return answer

    def ask_for_cursor(self, text: bytes) -> ForCursor:
        """Send a statement that has its values."""
        return self._send_as_it_is(text, ForCursor(self))

    def _send_as_it_is(self, text: bytes, answer: A) -> A:
        self._pgconn.send_query_params(text, None)
        self._unanswered.append(answer)
        return answer

    def _named(self, statement: str, text: bytes) -> bytes:
        if (name := self._names.get(statement)) is None:
            name = self._names[statement] = b"own_%d" % next(_numbers)
            self._named_here.append(statement)
            self._pgconn.send_prepare(name, text)
            self._unanswered.append(None)
        return name

    def receive(self, wanted: Answer) -> None:
        """Wait until this answer is here."""
        self._pgconn.send_flush_request()
        self._wait(wanted)
        if self._failure is not None:
            raise self._failure

    def _loaded(self, result: PGresult) -> list[tuple]:
        transformer = Transformer(self._connection)
        transformer.set_pgresult(result)
        return transformer.load_rows(0, result.ntuples, tuple)

    def leave(self) -> None:
        """Wait for all answers. Raises psycopg's Error of the first that failed."""
        self.abandon()
        if self._failure is not None:
            raise self._failure

    def abandon(self) -> None:
        """The same, when something else has gone wrong already."""
        if not self.is_open or self._connection.closed:
            return
        self.is_open = False
        if self._ends:
            self.command("COMMIT")
        self._pgconn.pipeline_sync()
        self._unanswered.append(None)
        self._wait(None)
        self._pgconn.exit_pipeline_mode()
        if self._ends and self._failure is not None:
            # Nobody answered its end.
            self._connection.rollback()

    def _wait(self, wanted: Answer | None) -> None:
        try:
            self._connection.wait(self._receiving(wanted))
        except BaseException:
            # Interrupted in the middle of an answer it can serve nobody any more.
            self._connection.close()
            raise

    def _receiving(self, wanted: Answer | None) -> PQGen[None]:
        yield from send(self._pgconn)
        while self._unanswered:
            (result,) = yield from fetch_many(self._pgconn)
            answer = self._unanswered.popleft()
            if result.status in _FAILED:
                self._fail(result)
            elif isinstance(answer, ForCursor):
                answer.result = result
            elif answer is not None:
                answer.loaded = self._loaded(result)
            if answer is not None and answer is wanted:
                return

    def _fail(self, result: PGresult) -> None:
        """Keep the first failure: what was sent behind it is answered with no more than that."""
        if self._failure is None:
            self._failure = errors.error_from_result(
                result, encoding=self._connection.info.encoding
            )
        for statement in self._named_here:
            self._names.pop(statement, None)
        if self._failure.sqlstate == errors.InvalidSqlStatementName.sqlstate:
            self._names.clear()


def _first(connection: psycopg.Connection) -> list[str]:
    """What says in which cell this is, where there are any and it has not been said."""
    path = getattr(connection, "path", None)
    return path.before() if path else []


@cache
def _with_numbers(statement: str) -> tuple[bytes, tuple[str | int, ...]]:
    """The text as the server reads it, and which values its places are for."""
    keys: list[str | int] = []

    def number(place: re.Match) -> str:
        if place["percent"]:
            return "%"
        key = place["name"] or len(keys)
        if key not in keys:
            keys.append(key)
        return f"${keys.index(key) + 1}"

    return _PLACE.sub(number, statement).encode(), tuple(keys)


def _written(value: object) -> bytes | None:
    if value is None:
        return None
    if not isinstance(value, _PLAIN):
        raise TypeError(f"Write {type(value).__name__} as PostgreSQL reads it before sending it.")
    text = str(value)
    if "\0" in text:
        raise psycopg.DataError("PostgreSQL text fields cannot contain NUL (0x00) bytes")
    return text.encode()
