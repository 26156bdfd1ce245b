"""Amounts of money and of minutes: pure arithmetic, no database.

Dollars are `Decimal`. Prices of seconds are rounded half-up to a millionth of a dollar, charges to
cards half-up to the cent: each once, here.
"""

from decimal import ROUND_HALF_UP, Decimal
from typing import NamedTuple

MICRO_DOLLAR = Decimal("0.000001")
SECONDS_PER_MINUTE = 60


def minutes_for(*, amount: Decimal, rate: Decimal) -> int:
    """Whole minutes that `amount` dollars buy at `rate`: $50 is 312 Premium or 555 Basic."""
    return max(0, int(amount // rate))


def seconds_for(*, amount: Decimal, rate: Decimal) -> tuple[int, Decimal]:
    """Whole seconds that `amount` dollars buy, and the dollars left over as credit.

    Seconds and left-over dollars together are worth what was paid, to the micro-dollar.
    """
    seconds = int(amount * SECONDS_PER_MINUTE // rate)
    spent = price_of_seconds(seconds=seconds, rate=rate)
    return seconds, max(Decimal(0), amount - spent)


class Bought(NamedTuple):
    """What became of a payment: dollars for what was owed, whole seconds, dollars left over."""

    debt: Decimal
    seconds: int
    left_over: Decimal

    @property
    def credit(self) -> Decimal:
        """Dollars that go to credit: what was owed is made good there, and the rest stays."""
        return self.debt + self.left_over


def bought(*, amount: Decimal, credit: Decimal, rate: Decimal | None) -> Bought:
    """What `amount` dollars buy: debt first, then seconds at `rate`, the rest is credit.

    `credit` is the balance before, in dollars; below zero it is owed. Without a rate all of it
    becomes credit.
    """
    debt = min(amount, max(Decimal(0), -credit))
    if rate is None:
        return Bought(debt, 0, amount - debt)
    return Bought(debt, *seconds_for(amount=amount - debt, rate=rate))


def price_of_seconds(*, seconds: int, rate: Decimal) -> Decimal:
    """Dollars for `seconds` at `rate` per minute, rounded half-up to a millionth of a dollar."""
    return (rate * seconds / SECONDS_PER_MINUTE).quantize(MICRO_DOLLAR, ROUND_HALF_UP)


def cents(amount: Decimal) -> int:
    """Dollars as whole cents, rounded half-up. Only for what a card is charged or refunded."""
    return int((amount * 100).quantize(Decimal(1), ROUND_HALF_UP))


def dollars(amount_cents: int) -> Decimal:
    return Decimal(amount_cents) / 100
