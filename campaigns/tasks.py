"""Celery's door into campaigns."""

from celery import shared_task

from accounts.audit import job_runs
from accounts.cells import place
from campaigns import pausing, usage_days


@shared_task(name="campaigns.tick")
def tick() -> int:
    """Each minute: pause what no movement announced. Safe to run twice, late or never."""
    with job_runs.noted("campaigns.tick"):
        return pausing.sweep() if place.has_accounts() else 0


@shared_task(name="campaigns.keep_usage")
def keep_usage() -> int:
    """Each night: keep the use of days that became final. Safe to run twice, late or never."""
    with job_runs.noted("campaigns.keep_usage"):
        return usage_days.keep_all() if place.has_accounts() else 0
