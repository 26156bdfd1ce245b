"""The statement of one month: what each pot opened with, what moved it, what it closed with.

A month begins where `edges` says, so that each entry is in one month only, and a month opens with
what the one before it closed with, whatever hosts' clocks said.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from django.db import connection
from django.db.models import TextChoices

from accounts import clock
from accounts.models import Account
from wallets.models import LedgerEntry, Pot
from wallets.months import beginning, due_date
from wallets.statements import edges
from wallets.statements.statements import pots_moved_of

Kind = LedgerEntry.Kind

MOVED = """
SELECT w.id, e.kind, e.pot, sum(e.amount)
FROM unnest(%(wallets)s::bigint[], %(first)s::bigint[], %(end)s::bigint[]) AS w (id, first, ends)
JOIN wallets_ledgerentry AS e ON e.wallet_id = w.id AND e.id >= w.first AND e.id < w.ends
GROUP BY 1, 2, 3
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
    """The statement of the month that begins on `first`. At most five queries.

    Pots that never moved are left out.
    """
    [found] = months_of(accounts=[account], first=first)
    return found


def months_of(*, accounts: Sequence[Account], first: date) -> list[Month]:
    """The statement of each account's month, in their order; a month is where each account is.

    At most five queries, however many accounts.
    """
    following = due_date(first, 1)
    wallets = pots_moved_of(accounts)
    owners = [one for one in accounts if one.pk in wallets]
    days = (first, following)
    numbers = edges.first_from(
        [(wallets[one.pk][0], beginning(day, one.zone)) for one in owners for day in days]
    )
    begins, ends = numbers[::2], numbers[1::2]
    of_wallets = _pots([wallets[one.pk] for one in owners], begins, ends)
    pots = dict(zip((one.pk for one in owners), of_wallets, strict=True))
    now = clock.now()
    return [
        Month(one, first, beginning(following, one.zone) <= now, pots.get(one.pk, []))
        for one in accounts
    ]


def _pots(
    wallets: list[tuple[int, list[Pot]]], begins: list[int], ends: list[int]
) -> list[list[PotMonth]]:
    """Of each of these wallets, in the order of its pots."""
    keys = [wallet for wallet, _ in wallets]
    held = edges.held_before(list(zip(keys, begins, strict=True)))
    moved = defaultdict(lambda: defaultdict(Decimal))
    with connection.cursor() as cursor:
        cursor.execute(MOVED, {"wallets": keys, "first": begins, "end": ends})
        for wallet, kind, pot, amount in cursor.fetchall():
            moved[wallet, pot][GROUPS[Kind(kind)]] += amount
    return [
        [PotMonth(pot, opening.get(pot, Decimal(0)), _in_order(moved[wallet, pot])) for pot in pots]
        for (wallet, pots), opening in zip(wallets, held, strict=True)
    ]


def _in_order(parts: Mapping[Group, Decimal]) -> dict[Group, Decimal]:
    return {one: parts[one] for one in Group if one in parts}
