"""The statement of one month: what each pot opened with, what moved it, what it closed with.

A month begins with the first entry dated in it or later, so that each entry is in one month only,
and a month opens with what the one before it closed with, whatever hosts' clocks said.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from django.db import connection
from django.db.models import TextChoices

from accounts import clock
from accounts.models import Account
from wallets.models import LedgerEntry, Pot, Wallet
from wallets.months import beginning, due_date
from wallets.statements import numbers
from wallets.statements.statements import pots_moved

Kind = LedgerEntry.Kind

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
    """The statement of the month that begins on `first`. At most nine queries.

    Pots that never moved are left out.
    """
    following = due_date(first, 1)
    wallet = Wallet.objects.filter(account=account).values_list("pk", flat=True).first() or 0
    begins, ends = (
        numbers.first_from(wallet_id=wallet, moment=beginning(day, account.zone))
        for day in (first, following)
    )
    opening = numbers.held_before(wallet_id=wallet, number=begins)
    moved: dict[str, dict[Group, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for kind, pot, amount in _moved(wallet, begins, ends):
        moved[pot][GROUPS[Kind(kind)]] += amount
    pots = [
        PotMonth(
            pot,
            opening.get(pot, Decimal(0)),
            {one: moved[pot][one] for one in Group if one in moved[pot]},
        )
        for pot in pots_moved(account=account)
    ]
    is_complete = beginning(following, account.zone) <= clock.now()
    return Month(account, first, is_complete, pots)


def _moved(wallet: int, first: int, end: int) -> list[tuple[str, str, Decimal]]:
    with connection.cursor() as cursor:
        cursor.execute(MOVED, {"wallet": wallet, "first": first, "end": end})
        return cursor.fetchall()
