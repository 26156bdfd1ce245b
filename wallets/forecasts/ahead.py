"""What comes: until when the balance lasts and how sure that is, when it falls below the threshold,
and what Auto-Recharge does then. An estimate for people; it decides nothing."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from math import sqrt

from accounts import clock
from wallets import limits
from wallets.forecasts import runway as runways
from wallets.forecasts.course import Course
from wallets.forecasts.pace import Measured
from wallets.forecasts.runway import DAY_SECONDS, Lasts, Runway
from wallets.models import AutoRecharge, Wallet
from wallets.recharges import expected
from wallets.why.codes import Recharge
from wallets.why.decisions import Decision

_ZERO = Decimal(0)


_WHY_NOT = {
    Recharge.SUSPENDED: "it is suspended.",
    Recharge.BLOCKED: "automatic charges are blocked.",
    Recharge.ON_HOLD: "automatic charges are paused by support.",
    Recharge.CLOSED: "the account is closed.",
    Recharge.NO_CARD: "there is no card.",
    Recharge.PURCHASE_PENDING: "a payment is not decided yet.",
    Recharge.MONTHLY_LIMIT: "the monthly limit leaves no room for it.",
    Recharge.DAILY_CEILING: "the charges of that day reached the daily ceiling.",
}

_CALLS = {
    "premium": "Premium calls",
    "basic": "Basic calls",
    "premium_then_basic": "Premium then Basic calls",
    "credit": "calls paid with credit",
}


@dataclass(frozen=True)
class Expected:
    """The credit so many days from now, and what it is most likely between."""

    days: int
    credit: Decimal
    # None once Auto-Recharge has charged: then it depends on when it did.
    least: Decimal | None = None
    most: Decimal | None = None


@dataclass(frozen=True)
class Ahead:
    """Moments are in the account's zone."""

    first: Lasts
    # Such as "Premium calls", when others go on longer; empty when all stop together.
    whose: str
    earliest: datetime | None
    latest: datetime | None
    # When the credit falls below the threshold, and what the rule decides then. None where it
    # never does at this pace, or has already.
    crossing_days: Decimal | None
    crossing: datetime | None
    then: Decision
    course: Course
    measured: Measured
    threshold: Decimal

    @property
    def until(self) -> str:
        if self.first.until is None:
            return "for more than a year" if self.first.days else ""
        return f"until {runways.spoken_until(self.first.until).replace('around', 'about')}"

    @property
    def likely(self) -> str:
        """Such as "between tomorrow evening and Friday morning"; empty where that is one."""
        if self.earliest is None or self.latest is None:
            return ""
        ends = [
            runways.spoken_moment(one).removeprefix("around ")
            for one in (self.earliest, self.latest)
        ]
        return "" if ends[0] == ends[1] else f"between {' and '.join(ends)}"

    @property
    def falls(self) -> str:
        """When it falls below the threshold, to begin a sentence with."""
        said = "" if self.crossing is None else runways.spoken_until(self.crossing)
        return said[:1].upper() + said[1:]

    @property
    def charge(self) -> Decimal:
        """Dollars that Auto-Recharge charges at the threshold, 0 for nothing."""
        return self.then.figures["charge"] if self.then.wanted else _ZERO

    @property
    def why_not(self) -> str:
        """Why nothing is charged at the threshold, after a colon."""
        return _WHY_NOT.get(self.then.code, "the last attempt failed, and the next one waits.")

    def days(self, count: int) -> list[Expected]:
        """The credit on each of the next days."""
        return [self._on(day) for day in range(1, count + 1)]

    def _on(self, day: int) -> Expected:
        at, crossing = Decimal(day), self.crossing_days
        if self.charge and crossing is not None and at > crossing:
            return Expected(day, self._after_charge(at))
        error = Decimal(_error(self.measured, float(at)))
        return Expected(
            day,
            self.course.credit_at(at),
            least=self.course.credit_at(at * (1 + error)),
            most=self.course.credit_at(at * (1 - error)),
        )

    def _after_charge(self, at: Decimal) -> Decimal:
        """What Auto-Recharge lifted, going down as steeply as before and lifted again."""
        begins, ends = self.crossing_days, self.crossing_days + Decimal("0.01")
        used = (self.threshold - self.course.credit_at(ends)) * 100 * (at - begins)
        return self.threshold + self.charge - used % self.charge


def ahead(*, wallet: Wallet, automatic: AutoRecharge, runway: Runway) -> Ahead | None:
    """What comes at the pace of the runway; None without a pace. Up to four queries."""
    if runway.course is None or runway.first is None:
        return None
    crossing = runway.course.falls_below(automatic.threshold.amount)
    at = _moment(wallet, crossing) if crossing else None
    first = runway.first
    error = _error(runway.measured, float(first.days))
    return Ahead(
        first=first,
        whose=_whose(runway),
        earliest=_moment(wallet, first.days / Decimal(1 + error)) if first.until else None,
        latest=_moment(wallet, first.days / Decimal(1 - error)) if first.until else None,
        crossing_days=crossing or None,
        crossing=at,
        then=expected.below_threshold(wallet=wallet, automatic=automatic, at=at),
        course=runway.course,
        measured=runway.measured,
        threshold=automatic.threshold.amount,
    )


def _whose(runway: Runway) -> str:
    ends = {one.days for one in runway.types if one.days is not None}
    all_end_together = len(ends) == 1 and not runway.measured.some_stopped
    return "" if all_end_together else _CALLS[runway.first.minute_type]


def _error(measured: Measured, days: float) -> float:
    """How far the forecast may be out, as a part of it, about two times in three: days differ from
    one another, and the average of few is none of many."""
    spread = sqrt(1 / max(len(measured.daily), 1) + 1 / max(days, 1))
    return min(measured.spread * spread, limits.SPREAD_MOST)


def _moment(wallet: Wallet, days: Decimal) -> datetime | None:
    if days > limits.RUNWAY_MOST_DAYS * 4:
        return None
    until = clock.now() + timedelta(seconds=int(days * DAY_SECONDS))
    return until.astimezone(wallet.account.zone)
