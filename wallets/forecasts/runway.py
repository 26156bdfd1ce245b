"""How long a balance lasts at the pace of the last days. Reads only; an estimate, never a rule.

Minutes are used first and credit pays what they do not, as when calls are charged (`course.py`).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_CEILING, Decimal

from accounts import clock
from wallets import limits
from wallets.forecasts.course import KINDS, Course, run_down
from wallets.forecasts.pace import Measured, Pace, measure
from wallets.models import AutoRecharge, Wallet
from wallets.prices.amounts import SECONDS_PER_MINUTE
from wallets.prices.payable import USABLE_POTS, payable_seconds
from wallets.recharges import expected

DAY_SECONDS = Decimal(24 * 3600)
_ZERO = Decimal(0)


def days_paid(*, wallet: Wallet, pace: Pace, rates: dict[str, Decimal]) -> Decimal | None:
    """Days until something of this pace cannot be paid any more; None when nothing is used."""
    return min(run_down(wallet=wallet, pace=pace, rates=rates).stops.values(), default=None)


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
        return "" if self.until is None else spoken_moment(self.until)


@dataclass(frozen=True)
class Runway:
    """What Payments says about the future of a balance, in the account's time zone."""

    # None when there were no calls, so that there is no pace.
    types: list[Lasts] | None
    # Auto-Recharge is on and would charge: what it costs in 30 days at this pace, and how often.
    monthly_cost: Decimal | None = None
    monthly_charges: int | None = None
    # Whether charges come as they should, and what the pace does to the pots.
    kept_filled: bool = False
    measured: Measured | None = None
    course: Course | None = None

    @property
    def first(self) -> Lasts | None:
        """What stops first of the calls that are made."""
        used = [one for one in self.types or [] if one.days is not None]
        return min(used, key=lambda one: one.days, default=None)


def runway(*, wallet: Wallet, automatic: AutoRecharge, rates: dict[str, Decimal]) -> Runway:
    """How long each minute type lasts at the pace of the last 7 days. Two queries, and those of the
    rule of Auto-Recharge.

    Premium and Basic are always named; Premium then Basic, and calls that we cannot tell apart,
    only when there were any.
    """
    measured = measure(wallet=wallet, rates=rates)
    kept_filled = expected.keeps_filled(wallet=wallet, automatic=automatic)
    if measured.pace.is_nothing:
        return Runway(types=None, kept_filled=kept_filled, measured=measured)
    course = run_down(wallet=wallet, pace=measured.pace, rates=rates)
    days = _days_by_kind(wallet, course, rates)
    named = [kind for kind in KINDS if kind in days or kind in ("premium", "basic")]
    cost = measured.dollars * 30 if kept_filled and measured.dollars else None
    return Runway(
        types=[_lasts(wallet, kind, days.get(kind)) for kind in named],
        monthly_cost=cost,
        monthly_charges=None if cost is None else _charges(cost, automatic.amount.amount),
        kept_filled=kept_filled,
        measured=measured,
        course=course,
    )


def days_by_kind(*, wallet: Wallet, pace: Pace, rates: dict[str, Decimal]) -> dict[str, Decimal]:
    """Days until each kind of calls that is used stops."""
    return _days_by_kind(wallet, run_down(wallet=wallet, pace=pace, rates=rates), rates)


def _days_by_kind(wallet: Wallet, course: Course, rates: dict[str, Decimal]) -> dict[str, Decimal]:
    """With less than a minute campaigns have stopped already."""
    stopped = {kind: _ZERO for kind in course.stops if not _has_a_minute(wallet, kind, rates)}
    return course.stops | stopped


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


def spoken_until(moment: datetime) -> str:
    """A moment in the account's zone as the end of a forecast: "Thursday, about 14:10"; weeks away
    a date says enough."""
    today = clock.now().astimezone(moment.tzinfo).date()
    away = (moment.date() - today).days
    if away > 6:
        return spoken_moment(moment)
    day = {0: "today", 1: "tomorrow"}.get(away, f"{moment:%A}")
    return f"{day}, about {moment:%H}:{moment.minute // 10}0"


def spoken_moment(moment: datetime) -> str:
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
