"""Statements that are sent all the time, as PostgreSQL likes them: planned once a connection.

Django binds values in the client, so that each statement is another one, parsed and planned anew:
of a single call that was half of what PostgreSQL does.
"""

from collections.abc import Mapping, Sequence

from django.db import DEFAULT_DB_ALIAS, connections
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
