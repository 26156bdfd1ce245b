"""Questions about rows that depend on the moment alone: compiled once a process, and prepared.

The ORM takes longer to write such a statement than PostgreSQL to answer it.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import QuerySet
from psycopg import sql

from accounts import clock
from accounts.runtime import statements


class Prepared:
    """A statement with the moment as `%(now)s`, planned once a connection."""

    def __init__(self, statement: str) -> None:
        self._statement = statement

    def names(self, now: datetime) -> set[str]:
        """The first column of its answer."""
        return {row[0] for row in statements.rows(self._statement, {"now": now})}


def at_any_moment(rows: Callable[[datetime], QuerySet]) -> str:
    """The SQL of these rows, `%(now)s` being the moment."""
    now = clock.now()
    moments = (now, now + timedelta(days=1))
    (text, some), (_, others) = (rows(one).query.sql_with_params() for one in moments)
    return text.replace("%%", "%%%%") % tuple(
        _literal(one, other, moments) for one, other in zip(some, others, strict=True)
    )


def _literal(one: object, other: object, moments: tuple[datetime, datetime]) -> str:
    if one == other:
        return sql.Literal(one).as_string(connection.connection).replace("%", "%%")
    offset = one - moments[0]
    assert offset == other - moments[1], f"{one} and {other} follow no clock"
    return f"(%(now)s::timestamptz + interval '{offset.total_seconds()} seconds')"
