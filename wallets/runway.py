"""How long a balance lasts at the pace of the last days. Reads only; an estimate, never a rule.

Minutes are used first and credit pays what they do not, as when calls are charged.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_CEILING, Decimal

from django.db.models import Min, Sum
from django.utils.functional import cached_property

from accounts import clock
from wallets import limits, pricing
from wallets.models import AutoRecharge, LedgerEntry, Pot, Wallet

DAY_SECONDS = Decimal(24 * 3600)
_ZERO = Decimal(0)


@dataclass(frozen=True)
class Pace:
    """What a day uses: seconds of each kind of campaign, and dollars that credit pays at once."""

    premium: Decimal = _ZERO
    basic: Decimal = _ZERO
    premium_then_basic: Decimal = _ZERO
    credit: Decimal = _ZERO

    @property
    def is_nothing(self) -> bool:
        return not (self.premium or self.basic or self.premium_then_basic or self.credit)


@dataclass(frozen=True)
class Drain:
    """What a day takes while the pots stand as they do."""

    premium: Decimal
    basic: Decimal
    credit: Decimal


def pace(*, wallet: Wallet) -> Pace:
    """What calls took from each pot on an average day of the last `limits.PACE_DAYS`.

    A younger account is measured from its first call on, over at least a day. Two queries.
    """
    now = clock.now()
    since = now - limits.PACE_WINDOW
    calls = LedgerEntry.objects.filter(wallet=wallet, kind=LedgerEntry.Kind.CALLS)
    recent = calls.filter(created_at__gte=since).order_by().values_list("pot")
    found = {pot: (-used, first) for pot, used, first in recent.annotate(
        used=Sum("amount"), first=Min("created_at")
    )}  # fmt: skip
    if not found:
        return Pace()
    days = limits.PACE_WINDOW / timedelta(days=1)
    if not calls.filter(created_at__lt=since).exists():
        first = min(first for _, first in found.values())
        days = max(1, (now - first) / timedelta(days=1))
    a_day = {pot: used / Decimal(days) for pot, (used, _) in found.items()}
    return Pace(
        premium=a_day.get(Pot.PREMIUM, _ZERO) + a_day.get(Pot.INCLUDED, _ZERO),
        basic=a_day.get(Pot.BASIC, _ZERO),
        credit=a_day.get(Pot.CREDIT, _ZERO),
    )


def days_paid(*, wallet: Wallet, pace: Pace, rates: dict[str, Decimal]) -> Decimal | None:
    """Days until something of this pace cannot be paid any more; None when nothing is used.

    A pot that runs dry hands its calls on: Premium then Basic to Basic minutes, the others to
    credit.
    """
    if pace.is_nothing:
        return None
    premium = Decimal(wallet.premium_seconds + wallet.included_seconds)
    basic, credit = Decimal(wallet.basic_seconds), max(_ZERO, wallet.credit.amount)
    passed = _ZERO
    while True:
        drain = _drain(pace, rates, has_premium=premium > 0, has_basic=basic > 0)
        if drain.credit and not credit:
            return passed
        step = min(_times(drain, premium, basic, credit))
        passed += step
        premium = _left(premium, drain.premium * step)
        basic = _left(basic, drain.basic * step)
        credit = _left(credit, drain.credit * step)


def _drain(pace: Pace, rates: dict[str, Decimal], *, has_premium: bool, has_basic: bool) -> Drain:
    """Who pays now: minutes where there are any, credit for the others."""
    minute = pricing.SECONDS_PER_MINUTE
    mixed_on_basic = pace.premium_then_basic if not has_premium and has_basic else _ZERO
    on_premium = pace.premium + pace.premium_then_basic if has_premium else _ZERO
    on_basic = pace.basic + mixed_on_basic if has_basic else _ZERO
    unpaid_premium = pace.premium + pace.premium_then_basic - on_premium - mixed_on_basic
    unpaid_basic = _ZERO if has_basic else pace.basic
    credit = (unpaid_premium * rates["premium"] + unpaid_basic * rates["basic"]) / minute
    return Drain(on_premium, on_basic, pace.credit + credit)


def _times(drain: Drain, premium: Decimal, basic: Decimal, credit: Decimal) -> Iterator[Decimal]:
    """Days until each pot that is used runs dry."""
    for left, used in ((premium, drain.premium), (basic, drain.basic), (credit, drain.credit)):
        if used:
            yield left / used


# Divisions leave dust: less than a millionth is nothing.
_DUST = Decimal("0.000001")


def _left(pot: Decimal, used: Decimal) -> Decimal:
    left = pot - used
    return left if left > _DUST else _ZERO


@dataclass(frozen=True)
class Lasts:
    """How long one part of a balance lasts. `days` is None when nobody used it."""

    days: Decimal | None
    until: datetime | None
    # Such as "Wednesday afternoon", seen from when it was asked; a date when it is weeks away.
    part_of_day: str = ""

    @property
    def text(self) -> str:
        return "not used in the last 7 days" if self.days is None else spoken_days(self.days)


@dataclass(frozen=True)
class Runway:
    """What Payments says about the future of a balance, in the account's time zone."""

    pace: Pace
    premium: Lasts
    basic: Lasts
    # Until the first call that nothing can pay.
    whole: Lasts
    # Auto-Recharge is on and would charge: what it costs in 30 days at this pace, and how often.
    monthly_cost: Decimal | None
    monthly_charges: int | None

    @cached_property
    def is_quiet(self) -> bool:
        return self.pace.is_nothing


def runway(*, wallet: Wallet, automatic: AutoRecharge) -> Runway:
    """How long the wallet lasts at the pace of the last 7 days. Three queries."""
    used, rates = pace(wallet=wallet), pricing.rates_now()
    premium = Decimal(wallet.premium_seconds + wallet.included_seconds)
    keeps_filled = automatic.enabled and not automatic.suspended_at and not wallet.blocked_at
    cost = used.credit * 30 if keeps_filled and used.credit else None
    return Runway(
        pace=used,
        premium=_lasts(wallet, _ratio(premium, used.premium)),
        basic=_lasts(wallet, _ratio(Decimal(wallet.basic_seconds), used.basic)),
        whole=_lasts(wallet, days_paid(wallet=wallet, pace=used, rates=rates)),
        monthly_cost=cost,
        monthly_charges=None if cost is None else _charges(cost, automatic.amount.amount),
    )


def _charges(cost: Decimal, amount: Decimal) -> int:
    return int((cost / amount).to_integral_value(ROUND_CEILING))


def _ratio(left: Decimal, used: Decimal) -> Decimal | None:
    return left / used if used else None


def _lasts(wallet: Wallet, days: Decimal | None) -> Lasts:
    if days is None or days > limits.RUNWAY_MOST_DAYS:
        return Lasts(days, None)
    until = clock.now() + timedelta(seconds=int(days * DAY_SECONDS))
    until = until.astimezone(wallet.account.zone)
    return Lasts(days, until, _spoken_moment(until))


def spoken_days(days: Decimal) -> str:
    """About so long, as a person would say it."""
    hours = int(days * 24)
    if days > limits.RUNWAY_MOST_DAYS:
        return "more than a year"
    if hours < 1:
        return "less than an hour"
    if hours < 36:
        return f"about {hours} hour{'s' if hours > 1 else ''}"
    if days < 21:
        return f"about {round(days)} days"
    return f"about {round(days / 7)} weeks" if days < 70 else f"about {round(days / 30)} months"


def _spoken_moment(moment: datetime) -> str:
    """A day and its part, for a moment in the account's zone."""
    today = clock.now().astimezone(moment.tzinfo).date()
    away = (moment.date() - today).days
    if away > 6:
        return f"around {moment:%-d %b}" if away < 300 else f"around {moment:%B %Y}"
    part = _part_of_day(moment.hour)
    if away == 0:
        return "tonight" if part in ("evening", "night") else f"this {part}"
    return f"tomorrow {part}" if away == 1 else f"{moment:%A} {part}"


def _part_of_day(hour: int) -> str:
    if 5 <= hour < 12:
        return "morning"
    if 12 <= hour < 17:
        return "afternoon"
    return "evening" if 17 <= hour < 22 else "night"
