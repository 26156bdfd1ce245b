"""The first page of support: what is wrong now, each figure with its list, and two weeks of days.

Every figure is one query by an index; together they stay far below a page's time."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import connection
from django.urls import reverse
from django.utils.http import urlencode

from accounts import clock
from accounts.models import JobRun, StaffAlert
from accounts.runtime import soft_cache
from campaigns.models import Campaign
from wallets import inbox
from wallets.models import (
    AdjustmentRequest,
    AutoAllocation,
    AutoRecharge,
    Purchase,
    StripeEvent,
    Wallet,
)

DAYS = 14
DAYS_KEPT_SECONDS = 120
RECENT = timedelta(hours=24)
# A charge takes seconds: one without an answer after this is unknown.
UNKNOWN = timedelta(minutes=2)
# Older than this and the job has stopped: those of the minute, the quarter, the hour, the night.
OVERDUE = {
    "wallets.tick": timedelta(minutes=5),
    "campaigns.tick": timedelta(minutes=5),
    "wallets.reset_included": timedelta(hours=1),
    "wallets.check_books": timedelta(hours=2),
    "wallets.nightly": timedelta(hours=26),
}


JOBS = {
    "wallets.tick": "Payments, every minute",
    "campaigns.tick": "Campaigns, every minute",
    "wallets.reset_included": "Included minutes, every 15 minutes",
    "wallets.check_books": "Books, every hour",
    "wallets.nightly": "Books with Stripe, every night",
}


@dataclass(frozen=True)
class Figure:
    title: str
    value: str
    link: str
    # Whether somebody should look: colours the figure, and a word says it too.
    bad: bool
    note: str = ""


@dataclass(frozen=True)
class Day:
    """Automatic and other charges that ended on one day (UTC)."""

    day: date
    paid: int
    failed: int


def context() -> dict[str, object]:
    now = clock.now()
    # Days gone by change rarely, and reading them all is the longest part of the page.
    days = soft_cache.keep(
        f"staff:days:{now.date()}", lambda: by_day(now=now), seconds=DAYS_KEPT_SECONDS
    )
    most = max((max(day.paid, day.failed) for day in days), default=0) or 1
    bars = [
        {"day": one, "paid": _height(one.paid, most), "failed": _height(one.failed, most)}
        for one in days
    ]
    return {"figures": figures(now=now), "bars": bars, "jobs": jobs(now=now)}


def figures(*, now: datetime) -> list[Figure]:
    return [*_money(now), *_customers(now), *_queues(now)]


def _money(now: datetime) -> list[Figure]:
    recent = Purchase.objects.filter(created_at__gte=now - RECENT)
    failed = recent.filter(state=Purchase.State.DECLINED).count()
    unknown = Purchase.objects.filter(
        state=Purchase.State.SUBMITTED, created_at__lt=now - UNKNOWN
    ).count()
    quarantined = Purchase.objects.filter(quarantined_at__isnull=False).count()
    return [
        _figure(
            "Failed purchases, 24 h",
            failed,
            "wallets.purchase",
            state__exact="declined",
            created_at__gte=_moment(now - RECENT),
        ),
        _figure(
            "Unknown outcome",
            unknown,
            "wallets.purchase",
            state__exact="submitted",
            created_at__lt=_moment(now - UNKNOWN),
        ),
        _figure("In quarantine", quarantined, "wallets.purchase", quarantined_at__isempty="0"),
        _figure(
            "Adjustments to approve",
            AdjustmentRequest.objects.filter(state="asked").count(),
            "wallets.adjustmentrequest",
            state__exact="asked",
        ),
    ]


def _customers(now: datetime) -> list[Figure]:
    return [
        _figure(
            "Wallets below zero",
            Wallet.objects.filter(credit__lt=0).count(),
            "wallets.wallet",
            balance="debt",
        ),
        _figure(
            "Blocked wallets",
            Wallet.objects.filter(blocked_at__isnull=False).count(),
            "wallets.wallet",
            blocked_at__isempty="0",
        ),
        _figure(
            "Auto-Recharge suspended",
            AutoRecharge.objects.filter(suspended_at__isnull=False).count(),
            "wallets.autorecharge",
            suspended_at__isempty="0",
        ),
        _figure(
            "Campaigns out of balance",
            Campaign.objects.paused_for_low_balance().count(),
            "campaigns.campaign",
            status__exact="paused",
            pause_reason__exact="low_balance",
        ),
        _figure(
            "Allocations failed",
            AutoAllocation.objects.filter(active=True, failed_at__isnull=False).count(),
            "wallets.autoallocation",
            active__exact="1",
            failed_at__isempty="0",
        ),
    ]


def _queues(now: datetime) -> list[Figure]:
    waiting = StripeEvent.objects.waiting().count()
    age = inbox.oldest_waiting_age()
    books = JobRun.objects.filter(pk="wallets.check_books").first()
    return [
        _figure(
            "Events waiting",
            waiting,
            "wallets.stripeevent",
            note=f"oldest {_age(age)}" if waiting else "",
            bad=age > timedelta(minutes=10),
            applied_at__isempty="1",
            given_up_at__isempty="1",
        ),
        _figure(
            "Events given up",
            StripeEvent.objects.filter(given_up_at__isnull=False).count(),
            "wallets.stripeevent",
            given_up_at__isempty="0",
        ),
        _figure(
            "Open alerts",
            StaffAlert.objects.filter(closed_at=None).count(),
            "accounts.staffalert",
            closed_at__isempty="1",
        ),
        Figure(
            title="Books",
            value=_books_state(books),
            link=_list("accounts.staffalert", kind__exact="books"),
            bad=books is not None and bool(books.text or not books.ok),
            note=f"checked {_age(now - books.started_at)} ago" if books else "",
        ),
    ]


def _books_state(run: JobRun | None) -> str:
    if run is None:
        return "Not checked"
    if run.ended_at is None:
        return "Checking"
    return "Agree" if run.ok and not run.text else "Broken"


def _figure(
    title: str,
    count: int,
    page: str,
    *,
    note: str = "",
    bad: bool | None = None,
    **filters: str,
) -> Figure:
    return Figure(
        title=title,
        value=f"{count:,}",
        link=_list(page, **filters),
        bad=count > 0 if bad is None else bad,
        note=note,
    )


def _moment(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _list(page: str, **filters: str) -> str:
    address = reverse(f"admin:{page.replace('.', '_')}_changelist")
    return f"{address}?{urlencode(filters)}" if filters else address


BY_DAY = """
SELECT (created_at AT TIME ZONE 'UTC')::date,
       count(*) FILTER (WHERE state = 'succeeded'), count(*) FILTER (WHERE state = 'declined')
FROM wallets_purchase
WHERE created_at >= %s
GROUP BY 1
"""


def by_day(*, now: datetime) -> list[Day]:
    """Purchases paid and failed on each of the last days, days without any included."""
    first = now.date() - timedelta(days=DAYS - 1)
    with connection.cursor() as cursor:
        cursor.execute(BY_DAY, [datetime(first.year, first.month, first.day, tzinfo=now.tzinfo)])
        found = {day: (paid, failed) for day, paid, failed in cursor.fetchall()}
    days = (first + timedelta(days=number) for number in range(DAYS))
    return [Day(day, *found.get(day, (0, 0))) for day in days]


def jobs(*, now: datetime) -> list[dict[str, object]]:
    """When each job of the clock last ran; one that is overdue or failed says so."""
    ran = {run.pk: run for run in JobRun.objects.all()}
    return [_job(name, ran.get(name), limit, now) for name, limit in OVERDUE.items()]


def _job(name: str, run: JobRun | None, limit: timedelta, now: datetime) -> dict[str, object]:
    if run is None:
        return {"name": JOBS[name], "age": "never", "state": "Has not run", "bad": True}
    age = now - run.started_at
    state = "Overdue" if age > limit else "Running" if run.ended_at is None else "Done"
    if run.ended_at and not run.ok:
        state = f"Failed: {run.text}"
    return {
        "name": JOBS[name],
        "age": _age(age),
        "state": state,
        "bad": state not in ("Done", "Running"),
    }


def _age(age: timedelta) -> str:
    seconds = int(age.total_seconds())
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def _height(count: int, most: int) -> int:
    """Of a chart 100 high; one of anything can be seen."""
    return max(3, round(100 * count / most)) if count else 0
