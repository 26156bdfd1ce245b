"""Statements that are sent all the time, as PostgreSQL likes them: planned once a connection.

Django binds values in the client, so that each statement is another one, parsed and planned anew:
of a single call that was half of what PostgreSQL does.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache

from django.db import DEFAULT_DB_ALIAS, connections, models
from django.db.backends.postgresql.base import ServerBindingCursor
from django.db.backends.utils import CursorWrapper

Values = Sequence[object] | Mapping[str, object]


def run(statement: str, values: Values = ()) -> None:
    """Run one statement whose text never changes.

    The server binds the values: each that stands alone needs a cast. Prepared when it has been
    sent before on this connection (`prepare_threshold` in the settings).
    """
    with _cursor() as cursor:
        cursor.execute(statement, values)


def rows(statement: str, values: Values = ()) -> list[tuple]:
    """The same for a statement that returns rows."""
    with _cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall()


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


def _cursor() -> CursorWrapper:
    """As `connection.cursor()`, so that whoever counts or watches statements sees these, too.

    Django's log would not have the text of a prepared one: while it is kept, none is prepared.
    """
    connection = connections[DEFAULT_DB_ALIAS]
    if connection.queries_logged:
        return connection.cursor()
    connection.close_if_health_check_failed()
    connection.ensure_connection()
    return connection.make_cursor(ServerBindingCursor(connection.connection))
