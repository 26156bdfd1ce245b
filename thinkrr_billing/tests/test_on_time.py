"""Which messages are worth doing is judged by PostgreSQL's clock, never by a host's."""

from datetime import UTC, datetime, timedelta

import pytest
from celery import current_app
from celery.app.trace import build_tracer
from django.utils import timezone

from accounts import clock
from accounts.models import JobRun
from accounts.runtime import messages, nudges
from thinkrr_billing.celery import app
from thinkrr_billing.jobs import JOBS
from wallets import tasks
from wallets.models import StripeEvent
from wallets.tests.worlds.builders import make_wallet

pytestmark = pytest.mark.django_db

DAYS = timedelta(days=2)


@pytest.fixture
def published(monkeypatch):
    """What is sent, as a worker gets it: its headers, by the task's name."""
    found = {}

    def note(name, **options):
        found[name] = options

    monkeypatch.setattr(current_app, "send_task", note)
    return found


def host_is_off(monkeypatch, by):
    """Every host's clock shows another day; what PostgreSQL says stays."""
    real = datetime.now

    class Skewed(datetime):
        @classmethod
        def now(cls, tz=None):
            return real(tz) + by

    monkeypatch.setattr("celery.worker.request.datetime", Skewed)
    monkeypatch.setattr(timezone, "now", lambda: real(UTC) + by)


def take(name, options, *args):
    """A worker takes the message, and its task runs unless it is worth nothing any more."""
    task = app.tasks[name]
    task.push_request(**options.get("headers", {}))
    try:
        return task(*args)
    finally:
        task.pop_request()


def runs():
    return {run.pk: run.started_at for run in JobRun.objects.all()}


@pytest.mark.parametrize("by", [DAYS, -DAYS])
@pytest.mark.usefixtures("published")
def test_a_worker_whose_clock_is_two_days_off_does_what_beat_asks(monkeypatch, by):
    host_is_off(monkeypatch, by)
    app.loader.import_default_modules()

    for job in JOBS:
        options = app.conf.beat_schedule[job.name].get("options", {})
        assert "expires" not in options
        take(job.name, options)

    assert set(runs()) == {job.name for job in JOBS}


@pytest.mark.usefixtures("published")
def test_a_heap_of_old_ticks_is_one_tick():
    options = app.conf.beat_schedule["wallets.tick"]["options"]
    start = clock.now()
    begun = set()
    for number in range(180):
        with clock.at(start + timedelta(milliseconds=number)):
            take("wallets.tick", app.conf.beat_schedule["wallets.tick"]["options"])
        begun.add(runs()["wallets.tick"])

    assert options == {"headers": {"from_beat": True}}
    assert begun == {start}


@pytest.mark.usefixtures("published")
def test_the_next_tick_is_done_also_when_the_last_was_late():
    start = clock.now()
    for seconds in (0, 29, 31):
        with clock.at(start + timedelta(seconds=seconds)):
            take("wallets.tick", app.conf.beat_schedule["wallets.tick"]["options"])

    assert runs()["wallets.tick"] == start + timedelta(seconds=31)


@pytest.mark.usefixtures("published")
def test_a_tick_by_hand_is_done_whatever_was_done_before():
    start = clock.now()
    for seconds in (0, 1):
        with clock.at(start + timedelta(seconds=seconds)):
            tasks.tick()

    assert runs()["wallets.tick"] == start + timedelta(seconds=1)


@pytest.mark.parametrize(("seconds", "is_done"), [(3600, True), (3601, False)])
def test_a_nudge_that_nobody_took_within_an_hour_is_worth_nothing(
    published, monkeypatch, django_capture_on_commit_callbacks, seconds, is_done
):
    done, pk = [], make_wallet().pk
    monkeypatch.setattr(tasks.low_balance, "tell", lambda wallet_id: done.append(wallet_id))
    start = clock.now()
    with clock.at(start), django_capture_on_commit_callbacks(execute=True):
        nudges.nudge("wallets.tell_low_balance", pk)

    with clock.at(start + timedelta(seconds=seconds)):
        take("wallets.tell_low_balance", published["wallets.tell_low_balance"], pk)

    assert done == [pk] * is_done


@pytest.mark.parametrize(("seconds", "is_done"), [(300, True), (301, False)])
def test_what_a_tick_sent_is_worth_nothing_once_its_row_has_its_next_turn(
    published, monkeypatch, seconds, is_done
):
    done = []
    monkeypatch.setattr(tasks.inbox, "apply", lambda event_pk: done.append(event_pk))
    event = StripeEvent.objects.create(event_id="evt_1", type="x", payload={})
    start = clock.now()
    with clock.at(start):
        tasks.tick()

    with clock.at(start + timedelta(seconds=seconds)):
        take("wallets.apply_event", published["wallets.apply_event"], event.pk)

    assert done == [event.pk] * is_done


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("minutes", "is_done"), [(59, True), (-1, False)])
def test_a_worker_reads_until_when_a_message_is_worth_something(monkeypatch, minutes, is_done):
    """From the message itself, as Celery makes and reads it."""
    pk = make_wallet().pk
    message = app.amqp.create_task_message("id", "wallets.tell_low_balance", args=(pk,))
    headers = message.headers | messages.useful_for(60 * minutes)
    done = []
    monkeypatch.setattr(tasks.low_balance, "tell", lambda wallet_id: done.append(wallet_id))
    task = app.tasks["wallets.tell_low_balance"]

    trace = build_tracer(task.name, task, app=app)
    trace("id", (pk,), {}, headers | {"is_eager": False})

    assert done == [pk] * is_done
