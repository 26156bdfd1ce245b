"""How long a balance lasts at the pace of the last days. Reads only; an estimate, never a rule.

Minutes are used first and credit pays what they do not, as when calls are charged.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import ROUND_CEILING, Decimal

from accounts import clock
from wallets import limits
from wallets.forecasts.pace import Pace, measure
from wallets.models import AutoRecharge, Wallet
from wallets.prices.amounts import SECONDS_PER_MINUTE
from wallets.prices.payable import USABLE_POTS, payable_seconds

DAY_SECONDS = Decimal(24 * 3600)
_ZERO = Decimal(0)
# What a pace has parts for: kinds of campaigns, and calls of a kind we do not know.
KINDS = (*USABLE_POTS, "credit")


@dataclass(frozen=True)
class Drain:
    """What a day takes while the pots stand as they do."""

    premium: Decimal
    basic: Decimal
    credit: Decimal


def days_paid(*, wallet: Wallet, pace: Pace, rates: dict[str, Decimal]) -> Decimal | None:
    """Days until something of this pace cannot be paid any more; None when nothing is used."""
    return min(stops(wallet=wallet, pace=pace, rates=rates).values(), default=None)


def stops(*, wallet: Wallet, pace: Pace, rates: dict[str, Decimal]) -> dict[str, Decimal]:
    """Days until each kind of calls that is used cannot be paid any more.

    A pot that runs dry hands its calls on: Premium then Basic to Basic minutes, the others to
    credit, which all share. What is not paid any more uses nothing.
    """
    premium = Decimal(wallet.premium_seconds + wallet.included_seconds)
    basic, credit = Decimal(wallet.basic_seconds), max(_ZERO, wallet.credit.amount)
    passed, found = _ZERO, {}
    while True:
        pots = {"premium": premium, "basic": basic}
        unpaid = [
            kind for kind in KINDS if getattr(pace, kind) and not _is_paid(kind, pots, credit)
        ]
        found |= dict.fromkeys(unpaid, passed)
        pace = replace(pace, **dict.fromkeys(unpaid, _ZERO))
        if pace.is_nothing:
            return found
        drain = _drain(pace, rates, has_premium=premium > 0, has_basic=basic > 0)
        step = min(_times(drain, premium, basic, credit))
        passed += step
        premium = _left(premium, drain.premium * step)
        basic = _left(basic, drain.basic * step)
        credit = _left(credit, drain.credit * step)


def _is_paid(kind: str, pots: dict[str, Decimal], credit: Decimal) -> bool:
    return credit > 0 or any(pots[pot] > 0 for pot in USABLE_POTS.get(kind, ()))


def _drain(pace: Pace, rates: dict[str, Decimal], *, has_premium: bool, has_basic: bool) -> Drain:
    """Who pays now: minutes where there are any, credit for the others."""
    minute = SECONDS_PER_MINUTE
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
    """How long calls of one minute type can be paid. `days` is None when there were none."""

    minute_type: str
    days: Decimal | None
    until: datetime | None

    @property
    def text(self) -> str:
        if self.days is None:
            return "none in the last 7 days"
        return spoken_days(self.days) if self.days else "nothing left"

    @property
    def part_of_day(self) -> str:
        """Such as "Wednesday afternoon"; a date when it is weeks away."""
        return "" if self.until is None else _spoken_moment(self.until)


@dataclass(frozen=True)
class Runway:
    """What Payments says about the future of a balance, in the account's time zone."""

    # None when there were no calls, so that there is no pace.
    types: list[Lasts] | None
    # Auto-Recharge is on and would charge: what it costs in 30 days at this pace, and how often.
    monthly_cost: Decimal | None = None
    monthly_charges: int | None = None


def runway(*, wallet: Wallet, automatic: AutoRecharge, rates: dict[str, Decimal]) -> Runway:
    """How long each minute type lasts at the pace of the last 7 days. Two queries.

    Premium and Basic are always named; Premium then Basic, and calls that we cannot tell apart,
    only when there were any.
    """
    measured = measure(wallet=wallet, rates=rates)
    if measured.pace.is_nothing:
        return Runway(types=None)
    days = stops(wallet=wallet, pace=measured.pace, rates=rates)
    # With less than a minute campaigns have stopped already.
    days |= {kind: _ZERO for kind in days if not _has_a_minute(wallet, kind, rates)}
    named = [kind for kind in KINDS if kind in days or kind in ("premium", "basic")]
    cost = measured.dollars * 30 if _keeps_filled(wallet, automatic) and measured.dollars else None
    return Runway(
        types=[_lasts(wallet, kind, days.get(kind)) for kind in named],
        monthly_cost=cost,
        monthly_charges=None if cost is None else _charges(cost, automatic.amount.amount),
    )


# After a decline, beyond a limit, or braked: charges do not come as they should.
_LONG_HOLDS = (
    AutoRecharge.Hold.DECLINED,
    AutoRecharge.Hold.MONTHLY_LIMIT,
    AutoRecharge.Hold.DAILY_CEILING,
    AutoRecharge.Hold.TOO_MANY_TRIES,
)


def _keeps_filled(wallet: Wallet, automatic: AutoRecharge) -> bool:
    """Whether charges come as they should."""
    stopped = automatic.suspended_at or wallet.blocked_at
    held = automatic.hold_reason in _LONG_HOLDS
    return automatic.enabled and not stopped and not held


def _has_a_minute(wallet: Wallet, kind: str, rates: dict[str, Decimal]) -> bool:
    usable = kind if kind in USABLE_POTS else "basic"
    seconds = payable_seconds(pots=wallet.pots, usable=usable, rates=rates)
    return seconds >= SECONDS_PER_MINUTE


def _charges(cost: Decimal, amount: Decimal) -> int:
    return int((cost / amount).to_integral_value(ROUND_CEILING))


def _lasts(wallet: Wallet, kind: str, days: Decimal | None) -> Lasts:
    if not days or days > limits.RUNWAY_MOST_DAYS:
        return Lasts(kind, days, None)
    until = clock.now() + timedelta(seconds=int(days * DAY_SECONDS))
    return Lasts(kind, days, until.astimezone(wallet.account.zone))


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
    day = {0: "today", 1: "tomorrow"}.get(away, f"{moment:%A}")
    if moment.hour < 5 and away:
        return f"early {day}"
    part = _part_of_day(moment.hour)
    if away == 0:
        return "tonight" if part == "night" else f"this {part}"
    return f"{day} {part}"


def _part_of_day(hour: int) -> str:
    if 5 <= hour < 12:
        return "morning"
    if 12 <= hour < 17:
        return "afternoon"
    return "evening" if 17 <= hour < 22 else "night"
