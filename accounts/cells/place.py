"""Which cell work is in. Without `CELLS` there are none, and nothing here costs anything.

The connection reads it when it sends something (`thinkrr_billing/postgresql/paths.py`)."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from django.conf import settings
from django.db import connection

# Outside of all cells their tables are not there: a query fails instead of finding nothing.
OUTSIDE = "public"

_current: ContextVar[str] = ContextVar("cell", default="")


class InTheMiddle(RuntimeError):
    """Another cell was asked for within a transaction, which belongs to one."""


def current() -> str:
    """The name of the cell that work is in; empty outside of all."""
    return _current.get()


@contextmanager
def inside(cell: str) -> Iterator[None]:
    """What is done in this block is done in this cell, by this thread. Nothing is asked or sent.

    Empty: outside of all cells. Without `CELLS` it does nothing. Raises InTheMiddle within a
    transaction that was begun elsewhere.
    """
    if not settings.CELLS or cell == _current.get():
        yield
        return
    _refuse_in_a_transaction(cell)
    token = _current.set(cell)
    try:
        yield
    finally:
        _current.reset(token)


def _refuse_in_a_transaction(cell: str) -> None:
    """The one around a test is nobody's."""
    if any(not block._from_testcase for block in connection.atomic_blocks):
        raise InTheMiddle(
            f"A transaction of {_current.get() or 'no cell'} cannot go on in {cell or 'none'}."
        )


def schema_of(cell: str) -> str:
    """Where its tables stand. A schema's name that needs no quotes."""
    return f"cell_{cell}"


def search_path() -> str:
    """Where PostgreSQL looks for a table from here, as it is written in a statement."""
    cell = _current.get()
    return f"{schema_of(cell)}, {OUTSIDE}" if cell else OUTSIDE
