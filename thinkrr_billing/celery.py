"""The Celery application of worker and beat, and the canary that shows both are alive."""

import logging
import os

from celery import Celery, Task
from celery.signals import (
    before_task_publish,
    setup_logging,
    task_postrun,
    task_prerun,
    worker_init,
    worker_process_init,
)
from django.db import close_old_connections, connections
from kombu.transport import TRANSPORT_ALIASES

from accounts.cells import place
from accounts.runtime import crash_points
from thinkrr_billing import logs, task_logs  # noqa: F401
from thinkrr_billing.jobs import beat_schedule
from thinkrr_billing.memory import keep_what_is_loaded

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "thinkrr_billing.settings")

logger = logging.getLogger(__name__)

# The header that says in which cell a task is done; without it, outside of all.
CELL = "cell"

TRANSPORT_ALIASES["files"] = "thinkrr_billing.sandbox.file_broker:Transport"


class OnTime(Task):
    """A task that leaves out what came too late, by PostgreSQL's clock and never by a host's.

    A direct call has no message, and is always done.
    """

    def __call__(self, *args: object, **kwargs: object) -> object:
        from accounts.cells import directory

        cell = self.request.get(CELL) or place.current()
        if not directory.is_there(cell):
            # Whatever it was about is found again from rows, where it is now.
            logger.error("left out a message of %s: there is no cell %r", self.name, cell)
            return None
        with place.inside(cell):
            if self._is_worth_nothing():
                logger.info("left out a late message of %s", self.name)
                return None
            if self.request.get("from_beat"):
                self._send_to_cells()
            return super().__call__(*args, **kwargs)

    def _send_to_cells(self) -> None:
        """A job of the clock does what is everybody's, and has each cell do its own."""
        from accounts.cells import directory

        for cell in [] if place.current() else directory.names():
            with place.inside(cell):
                self.apply_async(headers={"from_beat": True})

    def _is_worth_nothing(self) -> bool:
        from accounts.audit import job_runs
        from accounts.runtime import messages
        from thinkrr_billing.jobs import pause_of

        if self.request.get("from_beat"):
            return job_runs.begun_within(self.name, pause_of(self.name))
        return messages.is_late(self.request.get(messages.USEFUL_UNTIL))


@before_task_publish.connect
def _name_the_cell(headers: dict[str, object], **kwargs: object) -> None:
    """What is sent from within a cell is done there."""
    if cell := place.current():
        headers[CELL] = cell


app = Celery("thinkrr_billing", task_cls=OnTime)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.beat_schedule = beat_schedule()
app.autodiscover_tasks()
# Makes `current_app` this one in every process, so that nudges never go to a default broker.
app.set_default()
setup_logging.connect(logs.set_up)


@worker_init.connect
def _limit_statements(**kwargs: object) -> None:
    from thinkrr_billing.database import UNUSED, limit_statements

    limit_statements(more=UNUSED)


@worker_init.connect
def _keep_connections(**kwargs: object) -> None:
    """From one task to the next, as web does between requests: Django ends what is too old, or
    what an error has left unusable."""
    task_prerun.connect(close_old_connections)
    task_postrun.connect(close_old_connections)


@worker_init.connect
def _refuse_another_database(**kwargs: object) -> None:
    """Today's code on yesterday's tables could post half of a movement, and who looks for accounts
    where they are not finds no work."""
    from thinkrr_billing import health

    if reason := health.why_not_to_start():
        raise SystemExit(reason)
    # Children are forked from here: none inherits a socket.
    connections.close_all()


@worker_init.connect
@worker_process_init.connect
def _keep_what_is_loaded(**kwargs: object) -> None:
    """Before the fork as well: a child that looked through everything would copy all of it."""
    keep_what_is_loaded()


@task_postrun.connect
def _done(**kwargs: object) -> None:
    """The work is done and committed, its message is not acknowledged yet."""
    crash_points.reach("before_ack")


@app.task(name="thinkrr_billing.canary")
def canary() -> None:
    """Sent by beat, done by a worker: the age of its mark is the age of the last tick."""
    from accounts.audit import job_runs
    from thinkrr_billing import late_jobs
    from thinkrr_billing.metrics import mark_canary

    with job_runs.noted("thinkrr_billing.canary"):
        mark_canary()
        late_jobs.tell()
