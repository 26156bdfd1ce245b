"""What beat sends, each job once: its task, its title for support, when, and when it is overdue.

Beat's schedule is built from it, so nothing here may load the apps.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from celery.schedules import crontab


@dataclass(frozen=True, kw_only=True)
class Job:
    # The task's; its runs are noted under it (accounts.audit.job_runs).
    name: str
    title: str
    schedule: crontab
    # Its last run began longer ago than this: it has stopped.
    overdue: timedelta
    # Of a heap of messages that waited through an outage one is done, and no other that comes so
    # soon after it. Half its rhythm at most: what beat sends in time is never left out.
    pause: timedelta


def _each_minute(name: str, title: str) -> Job:
    return Job(
        name=name,
        title=f"{title}, every minute",
        schedule=crontab(),
        overdue=timedelta(minutes=5),
        pause=timedelta(seconds=30),
    )


JOBS = (
    _each_minute("thinkrr_billing.canary", "Clock and workers"),
    _each_minute("wallets.tick", "Payments"),
    _each_minute("campaigns.tick", "Campaigns"),
    _each_minute("accounts.tick", "Mails"),
    # Every time zone of the world has its midnight on a quarter of an hour.
    Job(
        name="wallets.reset_included",
        title="Included minutes, every 15 minutes",
        schedule=crontab(minute="*/15"),
        overdue=timedelta(hours=1),
        pause=timedelta(minutes=5),
    ),
    Job(
        name="wallets.check_books",
        title="Books, every hour",
        schedule=crontab(minute=17),
        overdue=timedelta(hours=2),
        pause=timedelta(minutes=30),
    ),
    Job(
        name="wallets.nightly",
        title="Cards, refunds and disputes, every night",
        schedule=crontab(hour=3, minute=7),
        overdue=timedelta(hours=26),
        pause=timedelta(hours=12),
    ),
    Job(
        name="campaigns.keep_usage",
        title="Usage by day, every night",
        schedule=crontab(hour=4, minute=7),
        overdue=timedelta(hours=26),
        pause=timedelta(hours=12),
    ),
    Job(
        name="wallets.compare",
        title="Books with Stripe, every night",
        schedule=crontab(hour=3, minute=27),
        overdue=timedelta(hours=26),
        pause=timedelta(hours=12),
    ),
)


def beat_schedule() -> dict[str, dict[str, Any]]:
    """As Celery's beat reads it."""
    return {job.name: _entry(job) for job in JOBS}


def pause_of(name: str) -> timedelta:
    return next(job.pause for job in JOBS if job.name == name)


def _entry(job: Job) -> dict[str, Any]:
    """Beat opens no connection and knows its host's clock only: its messages name no moment."""
    options = {"headers": {"from_beat": True}}
    return {"task": job.name, "schedule": job.schedule, "options": options}
