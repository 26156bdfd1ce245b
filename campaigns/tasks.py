"""Celery's door into campaigns."""

from celery import shared_task

from accounts.audit import job_runs
from campaigns import pausing


@shared_task(name="campaigns.tick")
def tick() -> int:
    """Each minute: pause what no movement announced. Safe to run twice, late or never."""
    with job_runs.noted("campaigns.tick"):
        return pausing.sweep()
