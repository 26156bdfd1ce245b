"""What beat sends, each job once: its task, its title for support, when, and when it is overdue.

Settings build beat's schedule from it, so nothing here may load the apps.
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
    # A message nobody took until then is worth nothing: the next one is there.
    expires_seconds: int | None = None


def _each_minute(name: str, title: str) -> Job:
    return Job(
        name=name,
        title=f"{title}, every minute",
        schedule=crontab(),
        overdue=timedelta(minutes=5),
        expires_seconds=55,
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
        expires_seconds=800,
    ),
    Job(
        name="wallets.check_books",
        title="Books, every hour",
        schedule=crontab(minute=17),
        overdue=timedelta(hours=2),
        expires_seconds=3_500,
    ),
    Job(
        name="wallets.nightly",
        title="Cards, refunds and disputes, every night",
        schedule=crontab(hour=3, minute=7),
        overdue=timedelta(hours=26),
        # Worth doing late in the morning, too.
        expires_seconds=6 * 3600,
    ),
    Job(
        name="wallets.compare",
        title="Books with Stripe, every night",
        schedule=crontab(hour=3, minute=27),
        overdue=timedelta(hours=26),
    ),
)


def beat_schedule() -> dict[str, dict[str, Any]]:
    """As Celery's beat reads it."""
    return {job.name: _entry(job) for job in JOBS}


def _entry(job: Job) -> dict[str, Any]:
    entry: dict[str, Any] = {"task": job.name, "schedule": job.schedule}
    if job.expires_seconds is not None:
        entry["options"] = {"expires": job.expires_seconds}
    return entry
