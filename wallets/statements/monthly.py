"""The statement of one month: what each pot opened with, what moved it, what it closed with.

A month begins with the first entry dated in it or later, so that each entry is in one month only,
and a month opens with what the one before it closed with, whatever hosts' clocks said.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from django.db import connection
from django.db.models import Min, QuerySet, TextChoices

from accounts import clock
from accounts.models import Account
from wallets.limits import CLOCKS_APART
from wallets.models import LedgerEntry, Pot, Wallet
from wallets.months import beginning, due_date

Kind = LedgerEntry.Kind

# After every entry: no number is as large.
_NO_ENTRY = 2**63 - 1

HELD_BEFORE = """
SELECT p.pot, (
    SELECT e.balance_after FROM wallets_ledgerentry AS e
    WHERE e.wallet_id = %(wallet)s AND e.pot = p.pot AND e.id < %(number)s
    ORDER BY e.id DESC LIMIT 1)
FROM unnest(%(pots)s::text[]) AS p (pot)
WHERE EXISTS (
    SELECT 1 FROM wallets_ledgerentry AS e WHERE e.wallet_id = %(wallet)s AND e.pot = p.pot)
"""
MOVED = """
SELECT kind, pot, sum(amount) FROM wallets_ledgerentry
WHERE wallet_id = %(wallet)s AND id >= %(first)s AND id < %(end)s
GROUP BY 1, 2
"""


class Group(TextChoices):
    """What a month's movements are put together as, in the order they are told."""

    BOUGHT = "bought", "Bought"
    RECEIVED = "received", "Received from the agency"
    GIVEN = "given", "Given by support and with the plan"
    USED = "used", "Used by calls"
    EXPIRED = "expired", "Not used, and reset"
    REFUNDED = "refunded", "Refunded and disputed"


GROUPS: Mapping[Kind, Group] = {
    Kind.RECHARGE: Group.BOUGHT,
    Kind.AUTO_RECHARGE: Group.BOUGHT,
    Kind.ALLOCATION: Group.RECEIVED,
    Kind.ADJUSTMENT: Group.GIVEN,
    Kind.INCLUDED_GRANT: Group.GIVEN,
    Kind.CALLS: Group.USED,
    Kind.INCLUDED_RESET: Group.EXPIRED,
    Kind.REFUND: Group.REFUNDED,
    Kind.REFUND_FAILED: Group.REFUNDED,
    Kind.DISPUTE: Group.REFUNDED,
    Kind.DISPUTE_WON: Group.REFUNDED,
}


@dataclass(frozen=True)
class PotMonth:
    """One pot: dollars, or whole seconds. Opening and all that moved it add up to closing."""

    pot: Pot
    opening: Decimal
    moved: dict[Group, Decimal] = field(default_factory=dict)

    @property
    def closing(self) -> Decimal:
        return self.opening + sum(self.moved.values())


@dataclass(frozen=True)
class Month:
    """A month of an account; of a month that goes on, until now."""

    account: Account
    first: date
    is_complete: bool
    pots: list[PotMonth]


def month_of(*, account: Account, first: date) -> Month:
    """The statement of the month that begins on `first`. At most six queries.

    Pots that never moved are left out.
    """
    following = due_date(first, 1)
    wallet = Wallet.objects.filter(account=account).values_list("pk", flat=True).first() or 0
    begins, ends = (_first_from(wallet, beginning(day, account.zone)) for day in (first, following))
    opening = _held_before(wallet, begins)
    moved: dict[str, dict[Group, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for kind, pot, amount in _moved(wallet, begins, ends):
        moved[pot][GROUPS[Kind(kind)]] += amount
    pots = [
        PotMonth(pot, opening[pot], {one: moved[pot][one] for one in Group if one in moved[pot]})
        for pot in Pot
        if pot in opening
    ]
    is_complete = beginning(following, account.zone) <= clock.now()
    return Month(account, first, is_complete, pots)


def _first_from(wallet: int, moment: datetime) -> int:
    """The number of the first entry dated from this moment on."""
    later: QuerySet = LedgerEntry.objects.filter(wallet=wallet, created_at__gte=moment)
    dated = later.order_by("created_at", "pk").values_list("created_at", flat=True).first()
    if dated is None:
        return _NO_ENTRY
    near = later.filter(created_at__lte=dated + CLOCKS_APART).order_by()
    return near.aggregate(pk=Min("pk"))["pk"]


def _held_before(wallet: int, number: int) -> dict[str, Decimal]:
    with connection.cursor() as cursor:
        asked = {"wallet": wallet, "number": number, "pots": [str(pot) for pot in Pot]}
        cursor.execute(HELD_BEFORE, asked)
        return {pot: held or Decimal(0) for pot, held in cursor.fetchall()}


def _moved(wallet: int, first: int, end: int) -> list[tuple[str, str, Decimal]]:
    with connection.cursor() as cursor:
        cursor.execute(MOVED, {"wallet": wallet, "first": first, "end": end})
        return cursor.fetchall()
