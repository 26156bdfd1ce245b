"""The price of a minute: rows with a moment they are in force from, never constants."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db import IntegrityError, transaction
from djmoney.money import Money

from accounts import clock
from accounts.models import User
from accounts.runtime import statements
from wallets.errors import InvalidAmount
from wallets.models import MinuteRate, MinuteType

TYPES = tuple(MinuteType.values)
HISTORY = (
    "SELECT minute_type, effective_from, price FROM wallets_minuterate ORDER BY effective_from DESC"
)


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

    def each_at(self, moment: datetime) -> dict[str, Decimal]:
        """Dollars per minute of every type at `moment`."""
        return {minute_type: self.at(minute_type, moment) for minute_type in self.rows}


def rate_history() -> RateHistory:
    """Every rate there has been, latest first: prices change a few times a year."""
    return ask_rate_history()()


def ask_rate_history() -> Callable[[], RateHistory]:
    """The same, asked now and read when it is called."""
    answer = statements.ask(HISTORY)

    def read() -> RateHistory:
        rows: dict[str, list[tuple[datetime, Decimal]]] = {name: [] for name in TYPES}
        for minute_type, moment, price in answer.rows():
            rows[minute_type].append((moment, price))
        return RateHistory(rows)

    return read


def rate(*, minute_type: str, at: datetime | None = None) -> Decimal:
    """Dollars per minute of a type, at a moment (default now). Everybody pays the same."""
    return rate_history().at(minute_type, at or clock.now())


def rates_now() -> dict[str, Decimal]:
    """Dollars per minute of both types, as in force now."""
    return rate_history().each_at(clock.now())


def check(*, minute_type: str, price: Decimal, effective_from: datetime) -> None:
    """Raise InvalidAmount unless this can be a rate from then on."""
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
    if MinuteRate.objects.filter(minute_type=minute_type, effective_from=effective_from).exists():
        raise _taken()


def set_rate(
    *, minute_type: str, price: Decimal, effective_from: datetime, actor: User | None
) -> MinuteRate:
    """Add the price of a minute from a moment on. Never in the past: calls were priced already.

    Raises InvalidAmount. What support may set alone is decided in `wallets.support`.
    """
    check(minute_type=minute_type, price=price, effective_from=effective_from)
    try:
        with transaction.atomic():
            return MinuteRate.objects.create(
                minute_type=minute_type,
                price=Money(price, "USD"),
                effective_from=effective_from,
                created_by=actor,
            )
    except IntegrityError:
        raise _taken() from None


def _taken() -> InvalidAmount:
    text = "There is a rate of this type from this moment on already."
    return InvalidAmount(text, fields={"effective_from": text})
