"""Amounts of money and of minutes: pure arithmetic, no database.

Dollars are `Decimal`. Prices of seconds are rounded half-up to a millionth of a dollar, charges to
cards half-up to the cent: each once, here.
"""

from decimal import ROUND_HALF_UP, Decimal

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


def price_of_seconds(*, seconds: int, rate: Decimal) -> Decimal:
    """Dollars for `seconds` at `rate` per minute, rounded half-up to a millionth of a dollar."""
    return (rate * seconds / SECONDS_PER_MINUTE).quantize(MICRO_DOLLAR, ROUND_HALF_UP)


def cents(amount: Decimal) -> int:
    """Dollars as whole cents, rounded half-up. Only for what a card is charged or refunded."""
    return int((amount * 100).quantize(Decimal(1), ROUND_HALF_UP))


def dollars(amount_cents: int) -> Decimal:
    return Decimal(amount_cents) / 100
