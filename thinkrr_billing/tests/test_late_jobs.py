"""Support hears of jobs that were killed, failed or stopped."""

from datetime import timedelta

import pytest

from accounts import clock
from accounts.audit import job_runs
from accounts.models import JobRun, StaffAlert
from thinkrr_billing import late_jobs

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nudges")]


def ran(name: str, *, ago: timedelta, **facts: object) -> None:
    began = clock.now() - ago
    JobRun.objects.create(name=name, started_at=began, **{"ok": True, "ended_at": began} | facts)


def told() -> list[str]:
    late_jobs.tell()
    late_jobs.tell()
    return list(StaffAlert.objects.filter(kind="job_unfinished").values_list("text", flat=True))


def test_a_job_that_ended_well_is_not_told():
    ran("wallets.compare", ago=timedelta(hours=3))

    assert told() == []


def test_a_job_that_is_at_work_is_not_told():
    ran("wallets.compare", ago=timedelta(minutes=8), ended_at=None, ok=False)

    assert told() == []


def test_a_job_that_never_ended_is_told_once():
    ran("wallets.compare", ago=timedelta(minutes=16), ended_at=None, ok=False)

    [text] = told()
    assert text.startswith("Books with Stripe, every night: the run of ")
    assert text.endswith("did not end.")


def test_a_job_that_failed_is_told():
    ran("wallets.nightly", ago=timedelta(hours=1), ok=False, text="SoftTimeLimitExceeded: ")

    [text] = told()
    assert "failed: SoftTimeLimitExceeded" in text


def test_a_job_that_is_not_sent_any_more_is_told():
    ran("wallets.tick", ago=timedelta(minutes=6))

    [text] = told()
    assert text.startswith("Payments, every minute: it has not begun since ")


def test_a_job_of_each_minute_that_is_killed_every_time_is_told():
    ran("wallets.tick", ago=timedelta(minutes=1), ended_at=None, ok=False)

    with job_runs.noted("wallets.tick"):
        [text] = told()

    assert text.startswith("Payments, every minute: The run of ")
    assert JobRun.objects.get(pk="wallets.tick").text == ""
