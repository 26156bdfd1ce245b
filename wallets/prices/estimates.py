"""What a month of minutes would cost."""

from dataclasses import dataclass
from decimal import Decimal

from wallets.prices.amounts import cents, dollars
from wallets.prices.rates import rates_now


@dataclass(frozen=True)
class Estimate:
    """What a month of minutes costs at given rates. Lines are for display, the total is charged."""

    basic_minutes: int
    premium_minutes: int
    basic_rate: Decimal
    premium_rate: Decimal

    @property
    def basic(self) -> Decimal:
        return self.basic_minutes * self.basic_rate

    @property
    def premium(self) -> Decimal:
        return self.premium_minutes * self.premium_rate

    @property
    def total_cents(self) -> int:
        return cents(self.basic + self.premium)

    @property
    def total(self) -> Decimal:
        return dollars(self.total_cents)


def estimate(
    *, basic_minutes: int, premium_minutes: int, rates: dict[str, Decimal] | None = None
) -> Estimate:
    """What these minutes cost: both types together, rounded half-up to the cent once."""
    rates = rates or rates_now()
    return Estimate(
        basic_minutes=basic_minutes,
        premium_minutes=premium_minutes,
        basic_rate=rates["basic"],
        premium_rate=rates["premium"],
    )
