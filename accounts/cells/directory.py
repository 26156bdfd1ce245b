"""Which cell has what. Without `CELLS` nothing is asked, and every cell is called "".

What is noted here goes with the transaction that makes it so."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ObjectDoesNotExist
from django.db import OperationalError, connection
from django.db.models import Count

from accounts import clock
from accounts.cells import place
from accounts.models import Cell, CellOfAccount, CellOfCustomer, CellOfPerson

T = TypeVar("T")
F = TypeVar("F", list, dict)
K = TypeVar("K", str, UUID)

# Where accounts are while they are moved: no name of a cell.
AWAY = "-"

# Asked with every batch: putting it together anew would take longer than its answer.
_OF_ACCOUNTS = """SELECT account_id, name, moving_until
FROM accounts_cellofaccount JOIN accounts_cell ON number = cell_id WHERE account_id = ANY(%s)
"""

_seen: set[str] = set()


class NoCell(OperationalError):
    """An account that is in none: answered as if its database were away."""


class Moving(NoCell):
    """One that is being moved from cell to cell, and is back within seconds."""


def names() -> list[str]:
    """Every cell, the oldest first. Raises NoCell when CELLS is True and there are none: who looks
    in all would find nothing, and say that all is well."""
    if not settings.CELLS:
        return []
    return _or_refuse(list(Cell.objects.values_list("name", flat=True)))


def places() -> list[str]:
    """Outside of all cells (""), and each of them."""
    return ["", *names()]


def with_accounts() -> list[str]:
    """Every cell; without cells the one place there is ("")."""
    return names() or [""]


def is_there(name: str) -> bool:
    """Whether work may be in the cell of this name, or outside of all (""). Asked until it is
    true: no cell is ever taken away."""
    if not settings.CELLS or not name or name in _seen:
        return True
    _seen.update(names())
    return name in _seen


def contradiction() -> str:
    """A sentence when this process would look for accounts where they are not; else empty."""
    if Cell.objects.exists() == settings.CELLS:
        return ""
    if settings.CELLS:
        return "CELLS is True, and there are no cells: leave it out."
    return "All accounts are in cells, and CELLS is not True: set it."


def in_every(do: Callable[[str], T]) -> list[T]:
    """What `do` answers inside of each cell, of which it is given the name. Once, with "", where
    there are none. (`accounts.runtime.reachable` goes on without one that is away.)"""
    return _in(with_accounts(), do)


def _in(cells: Iterable[str], do: Callable[[str], T]) -> list[T]:
    answers = []
    for cell in cells:
        with place.inside(cell):
            answers.append(do(cell))
    return answers


def of_account(account_id: UUID) -> str:
    """Empty where there is no such account. Raises Moving, unless the request only reads: what is
    moved stands where it was until it has arrived."""
    for _, cell, until in _rows([account_id]):
        if _is_away(until) and not place.may_read(account_id, cell):
            raise Moving(f"account {account_id} is being moved to another cell")
        return cell
    return ""


def have_moved(movers: dict[UUID, str]) -> bool:
    """Whether any of these accounts is elsewhere now."""
    return any(movers[account] != cell for account, cell, _ in _rows(movers))


def must_have(account_id: UUID) -> str:
    """The cell of an account that is known to be there. Raises NoCell, or Moving."""
    cell = of_account(account_id)
    if settings.CELLS and not cell:
        raise NoCell(f"account {account_id} is in no cell")
    return cell


def of_accounts(account_ids: Iterable[UUID]) -> dict[UUID, str]:
    """Of those that there are. Those that are moved are in AWAY."""
    return _here_or_away(_rows(account_ids))


def _rows(account_ids: Iterable[UUID]) -> list[tuple[UUID, str, datetime | None]]:
    if not settings.CELLS:
        return []
    with connection.cursor() as cursor:
        cursor.execute(_OF_ACCOUNTS, [list(account_ids)])
        return _or_refuse(cursor.fetchall())


def of_customer(customer: str) -> str:
    """Of a customer at Stripe; empty where it is nobody's. Raises Moving."""
    cell = of_customers([customer]).get(customer, "")
    if cell == AWAY:
        raise Moving(f"customer {customer} is being moved to another cell")
    return cell


def of_customers(customers: Iterable[str]) -> dict[str, str]:
    """Of those that are somebody's. Those that are moved are in AWAY."""
    if not settings.CELLS:
        return {}
    found = CellOfCustomer.objects.filter(pk__in=customers)
    return _here_or_away(found.values_list("pk", "cell__name", "moving_until"))


def has_customer(customer: str) -> bool:
    """Whether this is its cell; without cells always."""
    return not settings.CELLS or of_customer(customer) == place.current()


def refuse_moved(customer: str) -> None:
    """Raises NoCell where this customer's account has moved to another cell meanwhile, or moves."""
    if of_customer(customer) not in ("", place.current()):
        raise NoCell(f"customer {customer} has moved to another cell meanwhile")


def _here_or_away(rows: Iterable[tuple[K, str, datetime | None]]) -> dict[K, str]:
    return {key: AWAY if _is_away(until) else name for key, name, until in rows}


def _is_away(until: datetime | None) -> bool:
    return bool(until) and until > clock.now()


def _or_refuse(found: F) -> F:
    """Raises NoCell when nothing was found because there is no cell at all: whoever asks would be
    told that there is no such account."""
    if not found and (said := contradiction()):
        raise NoCell(said)
    return found


@contextmanager
def still_here() -> Iterator[None]:
    """What is missing in this block, and is never deleted, has moved. Raises NoCell then."""
    try:
        yield
    except ObjectDoesNotExist as error:
        if not place.current():
            raise
        raise NoCell("its account has moved to another cell meanwhile") from error


def of_person(person_id: int) -> list[str]:
    """Where they have or had a seat, the first one first."""
    if not settings.CELLS:
        return []
    found = CellOfPerson.objects.filter(person=person_id).order_by("pk")
    return _or_refuse(list(found.values_list("cell__name", flat=True)))


def where_seated(person_id: int, do: Callable[[str], T]) -> list[T]:
    """What `do` answers inside of each cell where this person has or had a seat, as `in_every`."""
    return _in(seats_of(person_id), do)


def seats_of(person_id: int) -> list[str]:
    """As `of_person`; the one place there is ("") without cells."""
    return of_person(person_id) if settings.CELLS else [""]


def for_somebody_new() -> str:
    """Where an agency or individual is opened: here, or else where there are fewest accounts."""
    if not settings.CELLS or place.current():
        return place.current()
    counted = CellOfAccount.objects.values_list("cell").annotate(Count("pk")).order_by()
    accounts = dict(counted)
    cells = _or_refuse(list(Cell.objects.all()))
    return min(cells, key=lambda cell: accounts.get(cell.pk, 0)).name


def note_account(account_id: UUID) -> None:
    """It is opened in this cell."""
    if cell := _here():
        CellOfAccount.objects.create(account_id=account_id, cell=cell)


def note_customer(customer: str) -> None:
    """It is of an account in this cell. Repeatable."""
    if cell := _here():
        CellOfCustomer.objects.get_or_create(customer=customer, defaults={"cell": cell})


def note_person(person_id: int) -> None:
    """They get a seat in this cell. Repeatable."""
    if cell := _here():
        CellOfPerson.objects.get_or_create(person_id=person_id, cell=cell)


def _here() -> Cell | None:
    return Cell.objects.get(name=place.current()) if place.current() else None
