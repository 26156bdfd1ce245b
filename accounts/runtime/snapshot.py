"""Several statements that see the database as it was at one moment."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import DEFAULT_DB_ALIAS, connections, transaction


@contextmanager
def snapshot(using: str = DEFAULT_DB_ALIAS) -> Iterator[None]:
    """Let everything read in this block be as it was at the first of it; writing is refused.

    Inside a transaction it is whatever that sees.
    """
    if connections[using].in_atomic_block:
        yield
        return
    with transaction.atomic(using), connections[using].cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield
