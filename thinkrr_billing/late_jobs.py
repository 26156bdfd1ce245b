"""Telling support of jobs that were killed, failed, or are not begun any more."""

from collections.abc import Iterator
from datetime import timedelta

from accounts import clock
from accounts.cells.place import Of
from accounts.models import JobRun
from accounts.runtime.waits import Wait
from accounts.telling.notifications import alert_staff
from thinkrr_billing.jobs import JOBS, Job

# The longest limit of any task is nine minutes: what has not ended by then was killed.
KILLED_AFTER = timedelta(minutes=15)


def tell() -> None:
    """Once a job and day. A job that never ran is told by the dashboard: it may be a new one."""
    for job, _, why in _in_trouble():
        alert_staff(
            kind="job_unfinished",
            text=f"{job.title}: {why}",
            data={"job": job.name},
            dedupe_key=f"job-unfinished:{job.name}:{clock.now():%Y-%m-%d}",
        )


def _in_trouble() -> Iterator[tuple[Job, JobRun, str]]:
    ran = {run.pk: run for run in JobRun.objects.all()}
    for job in JOBS:
        run = ran.get(job.name)
        if run and (why := _trouble(job, run)):
            yield job, run, why


Wait(
    kind="job",
    since=lambda: min((run.started_at for _, run, _ in _in_trouble()), default=None),
    of=Of.BOTH,
)


def _trouble(job: Job, run: JobRun) -> str:
    age = clock.now() - run.started_at
    began = f"{run.started_at:%-d %b, %H:%M} UTC"
    if run.ended_at is None and (run.text or age > KILLED_AFTER):
        return run.text or f"the run of {began} did not end."
    if run.ended_at and not run.ok:
        return f"the run of {began} failed: {run.text}"
    if age > job.overdue:
        return f"it has not begun since {began}."
    return ""
