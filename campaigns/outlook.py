"""Resuming with money in view: what campaigns use a day, how long the balance pays for them, and
what a recharge would bring back. Reads only; whether a campaign may run is decided elsewhere."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from copy import copy
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.db import connection
from django.db.models import (
    DateTimeField,
    Exists,
    ExpressionWrapper,
    OuterRef,
    Subquery,
    Sum,
    Value,
)
from django.db.models.functions import Coalesce
from djmoney.money import Money

from accounts import clock
from campaigns import limits, payable
from campaigns.models import Call, Campaign
from wallets.balances import holds
from wallets.forecasts import runway
from wallets.forecasts.pace import STOPPED, Pace, Taken, measure, told_by
from wallets.models import Wallet
from wallets.prices.amounts import SECONDS_PER_MINUTE, bought
from wallets.prices.payable import CREDIT_RATE, USABLE_POTS
from wallets.prices.rates import rates_now

_ZERO = Decimal(0)
MINUTE_TIERS = ("premium", "basic")
# In the order in which a dialog offers them; the first of equals is preferred.
TIERS = (*MINUTE_TIERS, "credit")
# Calls that were never talked cost nothing.
FREE = (Call.Outcome.FAILED, Call.Outcome.ISSUE_DIALING)


# The latest of a window; more would say the same and take longer. A call of no campaign may be
# followed by others, whatever runs. A limit that PostgreSQL sees is more than it expects of most:
# it would read the whole window and sort it. One that it does not see lets it expect a tenth of
# all calls, and read all campaigns for them: so both stand there.
TAKEN = """
SELECT asked.id,
  CASE WHEN c.id IS NULL OR c.status = 'started' THEN latest.minute_type ELSE %s END AS kind,
  sum(included_seconds), sum(premium_seconds), sum(basic_seconds), sum(cost)
FROM (VALUES {accounts}) AS asked (id)
CROSS JOIN LATERAL (
  SELECT * FROM (
    SELECT minute_type, premium_seconds, included_seconds, basic_seconds, cost, campaign_id
    FROM campaigns_call
    WHERE account_id = asked.id AND ended_at >= %s
    ORDER BY ended_at DESC LIMIT (SELECT %s)) AS few
  LIMIT %s) latest
LEFT JOIN campaigns_campaign c ON c.id = latest.campaign_id
GROUP BY 1, 2
"""
TAKEN_POTS = ("included", "premium", "basic", "credit")


@told_by
def taken(accounts: Sequence[UUID], since: datetime) -> dict[UUID, Taken]:
    """What each account's latest calls took from each pot, by minute type; what has stopped is kept
    apart. One query."""
    found: dict[UUID, dict[str, dict[str, Decimal]]] = defaultdict(dict)
    most = limits.CALLS_SAMPLED
    statement = TAKEN.format(accounts=", ".join(["(%s::uuid)"] * len(accounts)))
    with connection.cursor() as cursor:
        cursor.execute(statement, [STOPPED, *accounts, since, most, most])
        for account_id, kind, *used in cursor.fetchall():
            found[account_id][kind] = dict(zip(TAKEN_POTS, map(Decimal, used), strict=True))
    return found


@dataclass(frozen=True)
class Use:
    """What a campaign uses on an average day, at the rates of today."""

    minute_type: str
    seconds: Decimal
    rate: Decimal

    @property
    def dollars(self) -> Decimal:
        return self.seconds * self.rate / SECONDS_PER_MINUTE


@dataclass(frozen=True)
class Together:
    """What some campaigns use a day."""

    count: int
    seconds: Decimal
    dollars: Decimal


@dataclass(frozen=True)
class Outlook(Together):
    """What the chosen campaigns use a day together, and for how long they can be paid."""

    # What runs already takes its share of the balance.
    running: Together
    # None when none of them made calls lately.
    days: Decimal | None

    @property
    def lasts(self) -> str:
        return "" if self.days is None else runway.spoken_days(self.days)


def uses(*, campaigns: Sequence[Campaign]) -> dict[int, Use]:
    """What each campaign used a day in the week before its pause, or before now. Two queries."""
    rates, now = rates_now(), clock.now()
    used = _used(campaigns, now)
    answer = {}
    for one in campaigns:
        seconds, first = used[one.pk]
        answer[one.pk] = Use(
            minute_type=one.minute_type,
            seconds=Decimal(seconds) / _days(one, first, one.paused_at or now),
            rate=rates[CREDIT_RATE[one.minute_type]],
        )
    return answer


def _used(campaigns: Sequence[Campaign], now: datetime) -> dict[int, tuple[int, datetime | None]]:
    """Seconds of the window and its first call, of each campaign.

    Asked per campaign, so that PostgreSQL reads the week from the index and not the year.
    """
    until = Coalesce(OuterRef("paused_at"), Value(now), output_field=DateTimeField())
    since = ExpressionWrapper(until - limits.USE_WINDOW, output_field=DateTimeField())
    calls = Call.objects.filter(campaign=OuterRef("pk"), ended_at__gte=since)
    talked = calls.exclude(outcome__in=FREE).order_by()
    total = talked.values("campaign").annotate(total=Sum("seconds")).values("total")
    first = talked.order_by("ended_at").values("ended_at")[:1]
    found = Campaign.objects.filter(pk__in=[one.pk for one in campaigns]).order_by()
    rows = found.values_list("pk", Coalesce(Subquery(total), 0), Subquery(first))
    return {pk: (seconds, began) for pk, seconds, began in rows}


def _days(campaign: Campaign, first_call: datetime | None, until: datetime) -> Decimal:
    """How many days the calls are spread over; a campaign younger than a week has fewer."""
    week = limits.USE_WINDOW / timedelta(days=1)
    if first_call is None or campaign.created_at <= until - limits.USE_WINDOW:
        return Decimal(week)
    return Decimal(max(1, min(week, (until - first_call) / timedelta(days=1))))


@dataclass(frozen=True)
class Running:
    """What goes on already: the pace that Payments tells the runway of, and who makes the calls."""

    count: int = 0
    pace: Pace = Pace()

    def together(self, rates: dict[str, Decimal]) -> Together:
        kinds = {kind: getattr(self.pace, kind) for kind in USABLE_POTS}
        minute = SECONDS_PER_MINUTE
        spent = (used * rates[CREDIT_RATE[kind]] / minute for kind, used in kinds.items())
        return Together(
            count=self.count,
            seconds=sum(kinds.values(), _ZERO),
            dollars=sum(spent, self.pace.credit),
        )


def running(*, wallet: Wallet) -> Running:
    """What the account's started campaigns used a day lately. Three queries."""
    lately = Call.objects.filter(
        campaign=OuterRef("pk"), ended_at__gte=clock.now() - limits.USE_WINDOW
    ).exclude(outcome__in=FREE)
    started = Campaign.objects.filter(account=wallet.account_id).started()
    return Running(
        count=started.filter(Exists(lately.order_by())).count(),
        pace=measure(wallet=wallet, rates=rates_now()).pace,
    )


def outlook(*, chosen: Iterable[Use], wallet: Wallet, running: Running = Running()) -> Outlook:
    """How long the wallet pays for the chosen campaigns beside the running ones. One query."""
    chosen, rates = list(chosen), rates_now()
    kinds = {
        kind: getattr(running.pace, kind)
        + sum((use.seconds for use in chosen if use.minute_type == kind), _ZERO)
        for kind in USABLE_POTS
    }
    pace = Pace(**kinds, credit=running.pace.credit)
    is_idle = not any(use.seconds for use in chosen)
    return Outlook(
        count=len(chosen),
        seconds=sum((use.seconds for use in chosen), _ZERO),
        dollars=sum((use.dollars for use in chosen), _ZERO),
        running=running.together(rates),
        days=None if is_idle else runway.days_paid(wallet=wallet, pace=pace, rates=rates),
    )


def resumes(
    *,
    campaigns: Sequence[Campaign],
    wallet: Wallet,
    amount: Decimal,
    rates: dict[str, Decimal] | None = None,
) -> dict[str, int]:
    """How many of these campaigns could run after a recharge of `amount` dollars, by tier."""
    rates = rates or rates_now()
    reserved = holds.reserved_of(wallets=[wallet]).get(wallet.pk)

    def runs(campaign: Campaign, after: Wallet) -> bool:
        verdict = payable.judge(campaign=campaign, wallet=after, rates=rates, reserved=reserved)
        return verdict.ok

    return {
        tier: sum(runs(one, after) for one in campaigns)
        for tier, after in ((tier, _recharged(wallet, tier, amount, rates)) for tier in TIERS)
    }


def best_tier(*, resumed: dict[str, int], preferred: str = "") -> str:
    """The tier that resumes most; of equals the preferred minutes, and minutes before credit."""
    most = max(resumed.values())
    if preferred in MINUTE_TIERS and resumed[preferred] == most:
        return preferred
    return next(tier for tier in TIERS if resumed[tier] == most)


def _recharged(wallet: Wallet, tier: str, amount: Decimal, rates: dict[str, Decimal]) -> Wallet:
    """The wallet in memory as it would stand: debt is paid first, the rest buys minutes."""
    after = copy(wallet)
    found = bought(amount=amount, credit=wallet.credit.amount, rate=rates.get(tier))
    after.credit = Money(wallet.credit.amount + found.credit, "USD")
    if tier in MINUTE_TIERS:
        setattr(after, f"{tier}_seconds", wallet.held(tier) + found.seconds)
    return after
