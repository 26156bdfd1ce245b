"""The jobs of the clock: each is sent, noted, and missed when it stops."""

import pytest
from celery.schedules import crontab

from accounts.models import JobRun
from thinkrr_billing.celery import app
from thinkrr_billing.jobs import JOBS, Job

NAMES = [job.name for job in JOBS]
MINUTES_OF_A_DAY = 24 * 60


def longest_wait_minutes(schedule: crontab) -> int:
    return max(waits_minutes(schedule))


def shortest_wait_minutes(schedule: crontab) -> int:
    return min(waits_minutes(schedule))


def waits_minutes(schedule: crontab) -> list[int]:
    turns = sorted(60 * hour + minute for hour in schedule.hour for minute in schedule.minute)
    after = [*turns[1:], turns[0] + MINUTES_OF_A_DAY]
    return [later - turn for turn, later in zip(turns, after, strict=True)]


def test_beat_sends_exactly_these_jobs_each_under_its_name():
    sent = {name: entry["task"] for name, entry in app.conf.beat_schedule.items()}

    assert sent == {name: name for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.usefixtures("db", "nudges")
def test_each_job_is_a_task_that_notes_its_run(name):
    app.loader.import_default_modules()

    app.tasks[name]()

    assert JobRun.objects.get(pk=name).ok


@pytest.mark.parametrize("job", JOBS, ids=NAMES)
def test_no_job_is_overdue_before_its_next_turn(job):
    assert job.overdue.total_seconds() > 60 * longest_wait_minutes(job.schedule)


@pytest.mark.parametrize("job", JOBS, ids=NAMES)
def test_no_turn_of_a_job_is_left_out_for_the_one_before(job):
    assert 2 * job.pause.total_seconds() <= 60 * shortest_wait_minutes(job.schedule)


@pytest.mark.parametrize("missing", ["title", "overdue", "schedule", "pause"])
def test_there_is_no_job_without_a_title_a_turn_and_a_limit(missing):
    facts = {"title": "One", "overdue": JOBS[0].overdue, "schedule": crontab()}
    facts["pause"] = JOBS[0].pause
    del facts[missing]

    with pytest.raises(TypeError, match=missing):
        Job(name="one.tick", **facts)
