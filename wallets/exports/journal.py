"""The ledger as double entries: each movement of a pot, and the account it came from or went to.

Credit is dollars; minutes are counted in seconds, which alone are exact. Each transaction balances
in each of its commodities, so that no price has to be rounded.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from wallets.exports import periods
from wallets.exports.asking import Asked
from wallets.exports.lines import POTS, Kind, Line, lines
from wallets.models import Pot
from wallets.months import due_date

ACCOUNTS = {
    Pot.CREDIT: "Assets:Thinkrr:Credit",
    Pot.PREMIUM: "Assets:Thinkrr:Premium",
    Pot.BASIC: "Assets:Thinkrr:Basic",
    Pot.INCLUDED: "Assets:Thinkrr:Included",
}
COMMODITIES = {
    Pot.CREDIT: "USD",
    Pot.PREMIUM: "PREMIUMSEC",
    Pot.BASIC: "BASICSEC",
    Pot.INCLUDED: "INCLUDEDSEC",
}
OPENING = "Equity:Thinkrr:Opening"
# Dollars that were paid go in, what they bought comes out: the rest is what minutes cost.
PAYMENTS = "Equity:Thinkrr:Payments"
CARD = "Liabilities:Thinkrr:Card"
ALLOCATIONS = "Income:Thinkrr:Allocations"
OTHERS = {
    Kind.CALLS: "Expenses:Thinkrr:Calls",
    Kind.ADJUSTMENT: "Income:Thinkrr:Adjustments",
    Kind.INCLUDED_GRANT: "Income:Thinkrr:Included",
    Kind.INCLUDED_RESET: "Income:Thinkrr:Included",
}
ALL_ACCOUNTS = (*ACCOUNTS.values(), OPENING, PAYMENTS, CARD, ALLOCATIONS, *OTHERS.values())


@dataclass(frozen=True)
class Posting:
    """`amount` of `commodity` comes to an account; negative leaves it."""

    account: str
    amount: Decimal
    commodity: str


@dataclass(frozen=True)
class Transaction:
    """`line` is None of the opening balances."""

    day: date
    postings: list[Posting]
    line: Line | None = None


@dataclass(frozen=True)
class Balances:
    """What our books say each pot held when this day had ended."""

    day: date
    held: dict[str, Decimal]


def journal(asked: Asked) -> Iterator[Transaction | Balances]:
    """The period in order: opening balances, every entry, and what each pot held at the end of
    each month and of the period."""
    period = asked.period
    held = periods.opening(period)
    # Months before the first entry have nothing to assert.
    began = period.since if any(held.values()) else None
    if began is not None:
        yield Transaction(began, _opening(held))
    for line in lines(period):
        day = line.at.date()
        for end in _month_ends(began, day):
            yield Balances(end, dict(held))
        began = day
        yield Transaction(day, _postings(line), line)
        held[line.pot] = line.balance_after
    for end in _month_ends(began, period.until):
        yield Balances(end, dict(held))
    yield Balances(period.until, dict(held))


def _month_ends(since: date | None, until: date) -> Iterator[date]:
    """The last days of months from that of `since` on, before `until`."""
    if since is None:
        return
    following = due_date(since.replace(day=1), 1)
    while following <= until:
        yield following - timedelta(days=1)
        following = due_date(following, 1)


def _opening(held: dict[str, Decimal]) -> list[Posting]:
    postings = []
    for pot in POTS:
        if held[pot]:
            commodity = COMMODITIES[pot]
            postings += [
                Posting(ACCOUNTS[pot], held[pot], commodity),
                Posting(OPENING, -held[pot], commodity),
            ]
    return postings


def _postings(line: Line) -> list[Posting]:
    pot = Pot(line.pot)
    postings = [
        Posting(ACCOUNTS[pot], line.amount, COMMODITIES[pot]),
        Posting(other_account(line), -line.amount, COMMODITIES[pot]),
    ]
    if line.paid:
        postings += [Posting(CARD, -line.paid, "USD"), Posting(PAYMENTS, line.paid, "USD")]
    return postings


def other_account(line: Line) -> str:
    """Where a movement came from, or went to."""
    if line.kind in OTHERS:
        return OTHERS[Kind(line.kind)]
    return PAYMENTS if line.is_own_payment else ALLOCATIONS


def number(amount: Decimal, commodity: str) -> str:
    """Dollars with six decimals, seconds whole."""
    return f"{amount:.6f}" if commodity == "USD" else f"{amount:.0f}"
