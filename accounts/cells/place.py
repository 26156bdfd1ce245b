"""Which cell work is in. Without `CELLS` there are none, and nothing here costs anything.

The connection reads it when it sends something (`thinkrr_billing/postgresql/paths.py`)."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from enum import Enum
from typing import TypeVar
from uuid import UUID

from django.conf import settings
from django.db import connection

# Outside of all cells their tables are not there: a query fails instead of finding nothing.
OUTSIDE = "public"

T = TypeVar("T")

_current: ContextVar[str] = ContextVar("cell", default="")
# None where it is not only read.
_movers: ContextVar[dict[UUID, str] | None] = ContextVar("movers", default=None)


class Of(Enum):
    """Whose something is: what is an account's is in its cell, what is everybody's outside of
    all; some things are kept in both."""

    ACCOUNTS = "accounts"
    EVERYBODY = "everybody"
    BOTH = "both"


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
    except Exception as error:
        # Whoever answers it may be outside again.
        error.cell = getattr(error, "cell", cell)
        raise
    finally:
        _current.reset(token)


def of_error(error: BaseException) -> str:
    """The name of the cell in which it was raised; empty outside of all."""
    return getattr(error, "cell", _current.get())


@contextmanager
def across(cell: str) -> Iterator[None]:
    """The same within a transaction of another: for who moves rows from cell to cell."""
    token = _current.set(cell)
    try:
        yield
    finally:
        _current.reset(token)


@contextmanager
def of_a_request(*, only_reads: bool = False) -> Iterator[dict[UUID, str]]:
    """Whatever is entered in this block is left at its end.

    Yields the accounts on the move that it has read so far, each with the cell it was found in: a
    request that `only_reads` may, and PostgreSQL lets it write nothing in a cell from then on.
    """
    before, movers = _current.get(), {}
    token = _movers.set(movers if only_reads else None)
    try:
        yield movers
    finally:
        _movers.reset(token)
        if _current.get() != before:
            _current.set(before)


def may_read(account_id: UUID, cell: str) -> bool:
    """Whether what is done here may read an account of this cell that is being moved."""
    movers = _movers.get()
    if movers is None:
        return False
    movers[account_id] = cell
    return True


def is_read_only() -> bool:
    """Whether nothing may be written from here, for it would not go along."""
    return bool(_movers.get()) and bool(_current.get())


def enter(cell: str) -> None:
    """The rest of the request belongs to this cell, as in `inside`. Called within `of_a_request`,
    once its account is known."""
    if settings.CELLS and cell != _current.get():
        _refuse_in_a_transaction(cell)
        _current.set(cell)


def each(parts: Iterable[T], cell: str) -> Iterator[T]:
    """What is made of an answer after its request has ended: each part inside this cell."""
    making = iter(parts)
    while True:
        with inside(cell):
            try:
                part = next(making)
            except StopIteration:
                return
        yield part


def has_everybodys() -> bool:
    """Whether what is everybody's is the business of work that is here: not inside of a cell."""
    return not (settings.CELLS and _current.get())


def has_accounts() -> bool:
    """Whether accounts are the business of work that is here: not outside of all cells."""
    return not settings.CELLS or bool(_current.get())


def concerns(of: Of) -> bool:
    """Whether what is of these is the business of work that is here."""
    return of is Of.BOTH or (has_accounts() if of is Of.ACCOUNTS else has_everybodys())


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
