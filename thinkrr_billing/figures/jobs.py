"""What beat and workers do: the jobs of the clock, and the messages between the two."""

from collections.abc import Iterator

from celery import current_app

from accounts import clock
from accounts.cells.place import Of
from accounts.models import JobRun
from thinkrr_billing.figures.figure import Figure, Sample
from thinkrr_billing.jobs import JOBS

ALLOWED = {job.name: job.overdue for job in JOBS}


def _since_begun() -> Iterator[Sample]:
    now = clock.now()
    for run in JobRun.objects.filter(pk__in=ALLOWED):
        yield (run.pk,), max(0.0, (now - run.started_at).total_seconds())


def _failed() -> Iterator[Sample]:
    """Of one that runs nobody knows yet."""
    for run in JobRun.objects.filter(pk__in=ALLOWED).exclude(ended_at=None):
        yield (run.pk,), not run.ok


def _allowed() -> Iterator[Sample]:
    for name, pause in ALLOWED.items():
        yield (name,), pause.total_seconds()


def _messages() -> Iterator[Sample]:
    """Redis alone is a broker others look at; on a developer's machine there is none."""
    with current_app.connection_for_read() as broker:
        if broker.transport.driver_type == "redis":
            broker.ensure_connection(max_retries=1, interval_start=0, timeout=2)
            client = broker.default_channel.client
            yield (), client.llen(current_app.conf.task_default_queue)


# Their label is not `job`: Prometheus' own says by that whom it asked.
FIGURES = [
    Figure(
        name="thinkrr_task_since_begun_seconds",
        text="Since the last run of each job of the clock began. Support: the dashboard's Jobs.",
        read=_since_begun,
        labels=("task",),
        of=Of.BOTH,
    ),
    Figure(
        name="thinkrr_task_overdue_after_seconds",
        text="After how long without a run each job of the clock has stopped.",
        read=_allowed,
        labels=("task",),
    ),
    Figure(
        name="thinkrr_task_failed",
        text="Whether the last run of each job of the clock that ended has failed (1). Support: "
        "the dashboard's Jobs say why.",
        read=_failed,
        labels=("task",),
        of=Of.BOTH,
    ),
]
OF_BROKER = [
    Figure(
        name="thinkrr_messages_waiting",
        text="Messages no worker has taken yet.",
        read=_messages,
    )
]
