"""When the jobs of the clock last ran, for support's dashboard: one row a job."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.db import connection

from accounts import clock
from accounts.models import JobRun


@contextmanager
def noted(name: str) -> Iterator[list[str]]:
    """Note how the block ended. What it raises is raised again.

    The block gets a list for what it found and staff should see beside a job that did its work.
    """
    started = clock.now()
    before = JobRun.objects.filter(pk=name, ended_at=None).first()
    # Killed, it could not say so itself.
    text = f"The run of {before.started_at:%-d %b, %H:%M} UTC did not end." if before else ""
    JobRun.objects.update_or_create(
        name=name, defaults={"started_at": started, "ended_at": None, "ok": False, "text": text}
    )
    found: list[str] = []
    try:
        yield found
    except Exception as error:
        _end(name, ok=False, text=f"{type(error).__name__}: {error}")
        raise
    _end(name, ok=True, text="; ".join(found))


def begun_within(name: str, pause: timedelta) -> bool:
    """Whether its last run began less than this ago, by PostgreSQL's clock: once is enough."""
    connection.ensure_connection()
    now = clock.now()
    return JobRun.objects.filter(pk=name, started_at__gt=now - pause, started_at__lte=now).exists()


def _end(name: str, *, ok: bool, text: str) -> None:
    JobRun.objects.filter(pk=name).update(ended_at=clock.now(), ok=ok, text=text[:300])
