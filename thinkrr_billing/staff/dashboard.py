"""The first page of support: what is wrong now, each figure with its list, and two weeks of days.

Every figure is one query by an index; together they stay far below a page's time."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from django.db import connection
from django.db.models import Model
from django.urls import reverse
from django.utils.http import urlencode

from accounts import clock
from accounts.cells import place
from accounts.models import JobRun, StaffAlert
from accounts.runtime import soft_cache
from campaigns.models import Campaign
from thinkrr_billing.jobs import JOBS, Job
from thinkrr_billing.staff.cells import CELL, OUTSIDE
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
# Some events wait for a moment all the time: a worker that cannot keep up shows by their age.
EVENTS_LATE = timedelta(minutes=10)
# What a list's own filter says in a word, where the others say it by field and lookup.
IN_WORDS = {("credit__lt", 0): ("balance", "debt")}


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
    key = f"staff:days:{place.current()}:{now.date()}"
    days = soft_cache.keep(key, lambda: by_day(now=now), seconds=DAYS_KEPT_SECONDS)
    most = max((max(day.paid, day.failed) for day in days), default=0) or 1
    bars = [
        {"day": one, "paid": _height(one.paid, most), "failed": _height(one.failed, most)}
        for one in days
    ]
    return {"figures": figures(now=now), "bars": bars, "jobs": jobs(now=now)}


def figures(*, now: datetime) -> list[Figure]:
    return [*_money(now), *_customers(), *_queues(now)]


def _money(now: datetime) -> list[Figure]:
    return [
        _figure(
            "Failed purchases, 24 h",
            Purchase,
            state=Purchase.State.DECLINED,
            created_at__gte=now - RECENT,
        ),
        _figure(
            "Unknown outcome",
            Purchase,
            state=Purchase.State.SUBMITTED,
            created_at__lt=now - UNKNOWN,
        ),
        _figure("In quarantine", Purchase, quarantined_at__isnull=False),
        _figure("Deeds to approve", AdjustmentRequest, state=AdjustmentRequest.State.ASKED),
    ]


def _customers() -> list[Figure]:
    return [
        _figure("Wallets below zero", Wallet, credit__lt=0),
        _figure("Blocked wallets", Wallet, blocked_at__isnull=False),
        _figure("Auto-Recharge suspended", AutoRecharge, suspended_at__isnull=False),
        _figure(
            "Campaigns out of balance",
            Campaign,
            status=Campaign.Status.PAUSED,
            pause_reason=Campaign.PauseReason.LOW_BALANCE,
        ),
        _figure("Allocations failed", AutoAllocation, active=True, failed_at__isnull=False),
    ]


def _queues(now: datetime) -> list[Figure]:
    return [
        _waiting_events(),
        _figure("Events given up", StripeEvent, given_up_at__isnull=False),
        _figure("Open alerts", StaffAlert, closed_at__isnull=True),
        *_alerts_of_no_cell(),
        _books(now),
    ]


def _alerts_of_no_cell() -> Iterator[Figure]:
    """What support was told outside of all cells: nowhere else does anybody see it."""
    if place.current():
        with place.inside(""):
            figure = _figure("Open alerts of no cell", StaffAlert, closed_at__isnull=True)
        yield replace(figure, link=f"{figure.link}&{CELL}={OUTSIDE}")


def _waiting_events() -> Figure:
    waiting = _figure(
        "Events waiting", StripeEvent, applied_at__isnull=True, given_up_at__isnull=True
    )
    age = inbox.WAITING.oldest_overdue()
    note = f"oldest {_age(age)}" if waiting.bad else ""
    return replace(waiting, bad=age > EVENTS_LATE, note=note)


def _books(now: datetime) -> Figure:
    run = JobRun.objects.filter(pk="wallets.check_books").first()
    return Figure(
        title="Books",
        value=_books_state(run),
        link=_list(StaffAlert, kind="books"),
        bad=run is not None and bool(run.text or not run.ok),
        note=f"checked {_age(now - run.started_at)} ago" if run else "",
    )


def _books_state(run: JobRun | None) -> str:
    if run is None:
        return "Not checked"
    if run.ended_at is None:
        return "Checking"
    return "Agree" if run.ok and not run.text else "Broken"


def _figure(title: str, model: type[Model], **lookups: object) -> Figure:
    """How many rows these lookups find, and the list of them: those it counts are those it shows.

    Bad if there are any.
    """
    count = model.objects.filter(**lookups).count()
    return Figure(title=title, value=f"{count:,}", link=_list(model, **lookups), bad=count > 0)


def _list(model: type[Model], **lookups: object) -> str:
    meta = model._meta
    address = reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist")
    return f"{address}?{urlencode(dict(_asked(*one) for one in lookups.items()))}"


def _asked(lookup: str, value: object) -> tuple[str, str]:
    """A lookup as the filters of the lists have it in their addresses."""
    if (lookup, value) in IN_WORDS:
        return IN_WORDS[lookup, value]
    field, _, how = lookup.partition("__")
    if how == "isnull":
        return f"{field}__isempty", str(int(value))
    if isinstance(value, datetime):
        return lookup, value.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return f"{field}__{how or 'exact'}", str(int(value) if isinstance(value, bool) else value)


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
    return [_job(job, ran.get(job.name), now) for job in JOBS]


def _job(job: Job, run: JobRun | None, now: datetime) -> dict[str, object]:
    if run is None:
        return {"name": job.title, "age": "never", "state": "Has not run", "bad": True}
    age = now - run.started_at
    state = "Overdue" if age > job.overdue else "Running" if run.ended_at is None else "Done"
    if run.ended_at and not run.ok:
        state = f"Failed: {run.text}"
    return {
        "name": job.title,
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
