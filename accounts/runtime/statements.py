"""Statements that are sent all the time, as PostgreSQL likes them: planned once a connection.

Django binds values in the client, so that each statement is another one, parsed and planned anew:
of a single call that was half of what PostgreSQL does. Here the server binds them.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, partial
from typing import Protocol

import msgspec
from django.db import DEFAULT_DB_ALIAS, connections, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper
from django.utils.functional import SimpleLazyObject
from psycopg import sql

from accounts.runtime.pipeline import Pipeline, Values
from accounts.runtime.time_limits import TimeIsUp

_block: ContextVar["_Together | None"] = ContextVar("block", default=None)


class Answer(Protocol):
    """The rows of a statement that was sent."""

    def rows(self) -> list[tuple]:
        """Read them, once: waits until they are here."""


def ask(statement: str, values: Values | None = ()) -> Answer:
    """Send one statement whose text never changes; its rows are read when somebody needs them.

    Values are plain (texts, numbers, ids, moments, None): each that stands alone needs a cast. None
    instead of them: a text that is another each time, which is not prepared.
    """
    with together():
        return _block.get().ask(statement, values)


def run(statement: str, values: Values = ()) -> None:
    """The same for a statement without rows."""
    ask(statement, values)


def set_local(name: str, value: str) -> None:
    """Give a setting this value until the transaction ends. A statement, and not a function's work:
    where tables are distributed (Citus), only this reaches the nodes that have them."""
    text = sql.Literal(value).as_string(connections[DEFAULT_DB_ALIAS].connection)
    ask(f"SET LOCAL {name} = {text}", None)


def rows(statement: str, values: Values = ()) -> list[tuple]:
    """The same, read at once."""
    return ask(statement, values).rows()


def insert(new: Sequence[models.Model], *, ending: str = "") -> Answer:
    """Write new rows of one table by one statement, which may end in ON CONFLICT or RETURNING.

    Fields are written as they stand: each needs a value that is plain, also within JSON.
    """
    kind = type(new[0])
    values = [{column: getattr(one, name) for name, column in _written(kind)} for one in new]
    return ask(_insert(kind, ending), [msgspec.json.encode(values, enc_hook=str).decode()])


@cache
def _insert(kind: type[models.Model], ending: str) -> str:
    """Its quotes tell the audit which table it writes, like those of a QuerySet."""
    table, names = kind._meta.db_table, ", ".join(f'"{column}"' for _, column in _written(kind))
    return f"""INSERT INTO "{table}" ({names})
SELECT {names} FROM json_populate_recordset(NULL::"{table}", %s::json) {ending}"""  # nosec B608 # names of ours


def _written(model: type[models.Model]) -> list[tuple[str, str]]:
    """All but the key, which PostgreSQL gives."""
    key = model._meta.pk.attname
    return [(name, column) for name, column in _fields(model) if name != key]


def columns(model: type[models.Model], alias: str) -> str:
    """Every column of a table that a statement calls so, as `instances` takes them apart."""
    return ", ".join(f'{alias}."{column}"' for _, column in _fields(model))


def instances(row: Sequence[object], *kinds: type[models.Model]) -> Iterator[models.Model | None]:
    """The models that a row holds one after the other: None for one that was joined and is not
    there. Only of fields that PostgreSQL returns as they are.

    Compiling a QuerySet takes Django five times as long as running it.
    """
    begin = 0
    for kind in kinds:
        names = [name for name, _ in _fields(kind)]
        values = row[begin : (begin := begin + len(names))]
        there = values[names.index(kind._meta.pk.attname)] is not None
        yield kind.from_db(DEFAULT_DB_ALIAS, names, values) if there else None


@cache
def _fields(model: type[models.Model]) -> list[tuple[str, str]]:
    return [(field.attname, field.column) for field in model._meta.concrete_fields]


@contextmanager
def together(*, commit: bool = False) -> Iterator[None]:
    """Send what is asked and run in this block in a row, waiting only for answers that are read.

    What fails is raised when the next answer is read, or at the end of the block; nothing that was
    sent behind it is done. The first statement of anybody else (a QuerySet's, which counts on being
    answered) waits for all before it and ends this: the block goes on statement by statement.
    Inside another block this is a part of that one.

    With `commit` the transaction's end is sent behind the last statement, if the transaction is
    that of the `atomic` right around this block: nothing may be sent between the two ends.
    """
    if _block.get() is not None:
        yield
        return
    connection = connections[DEFAULT_DB_ALIAS]
    connection.close_if_health_check_failed()
    connection.ensure_connection()
    connection.validate_no_broken_transaction()
    with connection.wrap_database_errors:
        block = _Together(connection)
        token = _block.set(block)
        try:
            with connection.execute_wrapper(block.end_for_others):
                yield
            block.leave(commit=commit)
        except TimeIsUp:
            # What was sent may be waiting for somebody else.
            connection.connection.close()
            raise
        except BaseException:
            block.abandon()
            raise
        finally:
            _block.reset(token)


def _pipeline(connection: BaseDatabaseWrapper) -> Pipeline:
    pooled = connection.settings_dict["DISABLE_SERVER_SIDE_CURSORS"]
    return Pipeline(connection.connection, prepares=not pooled)


class _Together:
    """A block of statements that are sent in a row."""

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self._connection = connection
        # Whoever reads Django's log wants to see each statement, its values, and what it took.
        self._pipeline = None if connection.queries_logged else _pipeline(connection)

    def ask(self, statement: str, values: Values | None) -> Answer:
        """Past whoever watches what is executed on this connection, like a cursor's statements."""
        others = [w for w in self._connection.execute_wrappers if w != self.end_for_others]
        if not others:
            return self._send(statement, values)
        execute: Callable[..., Answer] = self._send
        for watching in others:
            execute = partial(watching, execute)
        # Hardly anybody who watches wants a cursor, which takes longer to make than to send this.
        cursor = SimpleLazyObject(self._connection.cursor)
        context = {"connection": self._connection, "cursor": cursor}
        return execute(statement, values, False, context)

    def end_for_others(
        self, execute: Callable, sql: str, params: object, many: bool, context: dict
    ) -> object:
        """A cursor's statement: it would be told that no row was changed."""
        if self._pipeline is not None:
            self._pipeline.leave()
        return execute(sql, params, many, context)

    def leave(self, *, commit: bool) -> None:
        if self._pipeline is None:
            return
        if commit and self._pipeline.is_open and len(self._connection.atomic_blocks) == 1:
            self._pipeline.command("COMMIT")
        self._pipeline.leave()

    def abandon(self) -> None:
        if self._pipeline is not None:
            self._pipeline.abandon()

    def _send(self, statement: str, values: Values | None, *_: object) -> Answer:
        if self._pipeline is None:
            return _Logged(self._connection.cursor(), statement, values)
        if self._pipeline.is_open:
            return self._pipeline.ask(statement, values)
        alone = _pipeline(self._connection)
        try:
            return alone.ask(statement, values)
        finally:
            alone.leave()


class _Logged:
    """The rows of a statement that Django's own cursor has sent."""

    def __init__(self, cursor: CursorWrapper, statement: str, values: Values | None) -> None:
        self._cursor = cursor
        self._cursor.execute(statement, values)

    def rows(self) -> list[tuple]:
        with self._cursor as cursor:
            return cursor.fetchall()
