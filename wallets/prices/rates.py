"""Rates, minutes for an amount, prices of seconds, estimates, payable minutes.

Dollars are `Decimal`. Prices of seconds are rounded half-up to a millionth of a dollar, charges
to cards half-up to the cent: each once, here.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal

from django.db import IntegrityError, transaction
from djmoney.money import Money

from accounts import clock
from accounts.models import User
from wallets.errors import InvalidAmount
from wallets.models import MinuteRate, MinuteType, Wallet

MICRO_DOLLAR = Decimal("0.000001")
SECONDS_PER_MINUTE = 60

# The pots a kind of campaign may use in this order, and the type whose rate credit pays.
USABLE_POTS = {
    "premium": ("premium",),
    "basic": ("basic",),
    "premium_then_basic": ("premium", "basic"),
}
CREDIT_RATE = {"premium": "premium", "basic": "basic", "premium_then_basic": "premium"}


@dataclass(frozen=True)
class RateHistory:
    """The rates that can matter between two moments, for pricing many calls with one query."""

    rows: dict[str, list[tuple[datetime, Decimal]]]

    def at(self, minute_type: str, moment: datetime) -> Decimal:
        """Dollars per minute of `minute_type` at `moment`: the latest that had begun."""
        for effective_from, price in self.rows[minute_type]:
            if effective_from <= moment:
                return price
        raise LookupError(f"No {minute_type} rate is in force at {moment}.")


def rate_history() -> RateHistory:
    """Every rate there has been, latest first: prices change a few times a year."""
    rows: dict[str, list[tuple[datetime, Decimal]]] = {name: [] for name in MinuteType.values}
    for minute_type, moment, price in MinuteRate.objects.order_by("-effective_from").values_list(
        "minute_type", "effective_from", "price"
    ):
        rows[minute_type].append((moment, price))
    return RateHistory(rows)


def rate(*, minute_type: str, wallet: Wallet | None = None, at: datetime | None = None) -> Decimal:
    """Dollars per minute of a type, for this wallet, at a moment (default now).

    Everybody pays the platform's rate today; an agency's mark-up would be decided here.
    """
    return rate_history().at(minute_type, at or clock.now())


def rates_now() -> dict[str, Decimal]:
    """Dollars per minute of both types, as in force now."""
    history, now = rate_history(), clock.now()
    return {minute_type: history.at(minute_type, now) for minute_type in MinuteType.values}


def set_rate(
    *, minute_type: str, price: Decimal, effective_from: datetime, actor: User | None
) -> MinuteRate:
    """Add the price of a minute from a moment on. Never in the past: calls were priced already."""
    if minute_type not in MinuteType.values:
        raise InvalidAmount("Choose Premium or Basic.", fields={"minute_type": "Unknown type."})
    if not (price.is_finite() and Decimal(0) < price <= Decimal(100)):
        raise InvalidAmount(
            "A rate is more than $0 and at most $100 a minute.", fields={"price": "Out of range."}
        )
    if effective_from < clock.now():
        raise InvalidAmount(
            "A rate cannot begin in the past. Choose a moment from now on.",
            fields={"effective_from": "Choose a moment from now on."},
        )
    try:
        with transaction.atomic():
            return MinuteRate.objects.create(
                minute_type=minute_type,
                price=Money(price, "USD"),
                effective_from=effective_from,
                created_by=actor,
            )
    except IntegrityError:
        text = "There is a rate of this type from this moment on already."
        raise InvalidAmount(text, fields={"effective_from": text}) from None


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


def payable_seconds(*, wallet: Wallet, usable: str, rates: dict[str, Decimal]) -> int:
    """Whole seconds a call of type `usable` could still last on this wallet (design, section 1).

    `usable` is premium, basic or premium_then_basic. The same formula stands in SQL in
    `campaigns.pausing`; a test holds them together.
    """
    pots = USABLE_POTS[usable]
    seconds = sum(wallet.held(pot) for pot in pots)
    if "premium" in pots:
        seconds += wallet.included_seconds
    credit = max(Decimal(0), wallet.credit.amount)
    return seconds + int(credit * SECONDS_PER_MINUTE // rates[CREDIT_RATE[usable]])
