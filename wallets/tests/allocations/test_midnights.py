"""A month has passed only when a later one is due; one whose day lies ahead waits."""

from datetime import date, timedelta

import pytest
from django.utils import timezone

from accounts import clock
from accounts.clock import Measured
from accounts.models import Account
from wallets.allocations import planning, retries, runs
from wallets.models import AllocationRun
from wallets.stripe import gateway
from wallets.tests.worlds.allocation_world import make_world, moment

pytestmark = pytest.mark.django_db

MIDNIGHT = moment("2026-12-14 00:00")


@pytest.fixture
def running(stripe):
    """500 Basic and 1,000 Premium minutes on the 14th, the first month paid."""
    world = make_world(stripe)
    with clock.at(moment("2026-11-14 10:00")):
        world.save()
    assert world.run_at("2026-11-14 10:01") == ["charge"]
    return world


def move(world, timezone):
    Account.objects.filter(pk=world.agency.pk).update(timezone=timezone)


def planned(at=MIDNIGHT):
    with clock.at(at):
        [run_id] = planning.plan_due(now=clock.now())
    return run_id


@pytest.mark.parametrize("attempts", [0, 1])
def test_a_worker_a_millisecond_behind_at_midnight_lets_the_new_month_wait(running, attempts):
    run_id = planned()
    AllocationRun.objects.filter(pk=run_id).update(attempts=attempts)

    with clock.at(MIDNIGHT - timedelta(milliseconds=1)):
        decision = runs.charge_run(run_id=run_id)

    assert (decision.wanted, decision.code) == (False, "ahead")
    run = running.run("2026-12-14")
    assert (run.state, run.closed_at, run.next_attempt_at) == ("due", None, MIDNIGHT)
    assert running.told(running.agency, "allocation_missed") == []
    assert running.run_at("2026-12-14 00:00") == ["charge"]
    assert running.runs[-1] == ("2026-12-14", "paid")
    assert running.minutes == (1000, 2000)


def test_an_agency_that_moves_its_zone_west_gets_its_month_on_its_new_day(running):
    run_id = planned()
    move(running, "Pacific/Honolulu")

    with clock.at(moment("2026-12-14 00:01")):
        assert runs.charge_run(run_id=run_id).code == "ahead"

    assert running.run("2026-12-14").next_attempt_at == moment("2026-12-14 01:01")
    assert running.run_at("2026-12-14 01:00") == []
    for hour in range(1, 10):
        assert running.run_at(f"2026-12-14 0{hour}:01") == ["ahead"]
    # Ten hours behind, and not a whole hour later: the look before said when the day begins.
    assert running.run_at("2026-12-14 10:00") == ["charge"]
    assert running.runs == [("2026-11-14", "paid"), ("2026-12-14", "paid")]
    assert running.taken() == [20500, 20500]


def test_an_agency_that_moves_its_zone_there_and_back_waits_an_hour_at_most(running):
    run_id = planned()
    move(running, "Pacific/Honolulu")
    with clock.at(moment("2026-12-14 00:01")):
        runs.charge_run(run_id=run_id)
    move(running, "UTC")

    assert running.run_at("2026-12-14 01:01") == ["charge"]


def test_the_last_look_gives_the_payment_of_a_month_that_lies_ahead_up_and_keeps_the_month(
    running, monkeypatch
):
    run_id = planned()
    real = gateway.create_intent

    def moves(**facts):
        move(running, "Pacific/Honolulu")
        return real(**facts)

    monkeypatch.setattr(gateway, "create_intent", moves)
    with clock.at(moment("2026-12-14 00:01")):
        runs.charge_run(run_id=run_id)

    assert running.purchases()[-1].state == "canceled"
    assert running.runs[-1] == ("2026-12-14", "due")
    assert running.taken() == [20500]


def test_a_first_month_begins_with_the_agencys_day_however_far_east_it_is(stripe):
    world = make_world(stripe, timezone="Pacific/Auckland")
    with clock.at(moment("2026-11-14 00:00")):
        world.save(start_date=date(2026, 11, 15))

    assert world.run_at("2026-11-14 10:59") == []
    assert world.run_at("2026-11-14 11:00") == ["charge"]


def test_the_shortest_month_ends_with_the_agencys_day_however_far_east_it_is(stripe):
    world = make_world(stripe, timezone="Pacific/Auckland")
    with clock.at(moment("2027-02-13 12:00")):
        world.save()
    assert world.run_at("2027-02-13 12:00") == ["charge"]

    assert world.run_at("2027-03-13 10:59") == []
    assert world.run_at("2027-03-13 11:00") == ["charge"]


@pytest.mark.parametrize("state", ["missed", "failed"])
def test_a_person_makes_up_for_a_missed_or_failed_month_while_it_lasts(running, state):
    run_id = planned()
    with clock.at(moment("2026-12-14 00:01")):
        AllocationRun.objects.filter(pk=run_id).update(state=state, closed_at=clock.now())

    assert running.run_at("2027-01-13 23:00") == []
    with clock.at(moment("2027-01-13 23:59")):
        paid = retries.retry_now(account=running.sub, agency=running.agency, actor=None)

    assert paid.state == "succeeded"
    assert running.runs[-1] == ("2026-12-14", "paid")
    assert running.minutes == (1000, 2000)


def test_a_missed_month_whose_try_is_declined_is_tried_again_like_any_other(running):
    run_id = planned()
    AllocationRun.objects.filter(pk=run_id).update(state="missed", closed_at=MIDNIGHT)
    running.decline_with()

    with clock.at(moment("2026-12-20 10:00")):
        retries.retry_now(account=running.sub, agency=running.agency, actor=None)

    run = running.run("2026-12-14")
    assert (run.state, run.attempts) == ("due", 1)
    assert run.next_attempt_at == moment("2026-12-20 11:00")


@pytest.mark.parametrize("days", [2, -2])
def test_hosts_days_apart_plan_and_charge_the_same_month(stripe, monkeypatch, days):
    world = make_world(stripe)
    real = clock._measured
    skewed = Measured(host=lambda: timezone.now() + timedelta(days=days), count=real._count)
    world.save()

    monkeypatch.setattr(clock, "_measured", skewed)
    [there] = runs.charge_due(now=clock.now())
    monkeypatch.setattr(clock, "_measured", real)
    here = runs.charge_due(now=clock.now())

    assert (there.code, here) == ("charge", [])
    assert [state for _, state in world.runs] == ["paid"]
    [purchase] = world.purchases()
    assert abs(purchase.created_at - clock.now()) < timedelta(seconds=10)
