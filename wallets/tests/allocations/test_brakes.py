"""A month whose charge ends without a reason waits longer each time; six tries stop it."""

from datetime import timedelta

import pytest

from accounts import clock
from accounts.models import StaffAlert
from wallets.allocations import runs
from wallets.charging import purchases
from wallets.models import AllocationRun, Purchase
from wallets.tests.worlds.allocation_world import make_world, moment
from wallets.tests.worlds.purchases import cancel_at_stripe, refuse_to_confirm

pytestmark = pytest.mark.django_db

NOV_14 = moment("2026-11-14 10:00")


@pytest.fixture
def world(stripe):
    world = make_world(stripe)
    with clock.at(NOV_14):
        world.save()
    return world


@pytest.mark.parametrize(
    ("ends", "state"), [(cancel_at_stripe, "canceled"), (refuse_to_confirm, "declined")]
)
def test_an_end_that_nobody_explains_waits_an_hour_a_day_and_three_days(
    world, monkeypatch, ends, state
):
    ends(monkeypatch)

    assert world.run_at("2026-11-14 10:00") == ["charge"]
    for text in ("2026-11-14 11:00", "2026-11-15 11:00", "2026-11-18 11:00"):
        early = (moment(text) - timedelta(seconds=1)).isoformat(" ")[:19]
        assert world.run_at(early) == []
        assert world.run_at(text) == ["charge"]

    assert world.run_at("2026-12-13 23:00") == []
    assert [row.state for row in world.purchases()] == [state] * 4
    assert world.runs == [("2026-11-14", "failed")]
    assert world.allocation.failed_at == moment("2026-11-18 11:00")
    assert world.taken() == []


def test_six_tries_in_ten_minutes_wait_an_hour_and_support_is_told(world):
    with clock.at(NOV_14):
        runs.plan_due(now=clock.now())
    _tries(world, 6)
    sibling = world.sibling()
    with clock.at(NOV_14):
        sibling.save()

    assert sorted(world.run_at("2026-11-14 10:06")) == ["charge", "too_many_tries"]

    assert sibling.runs == [("2026-11-14", "paid")]
    assert world.runs == [("2026-11-14", "due")]
    assert world.run("2026-11-14").next_attempt_at == moment("2026-11-14 11:06")
    alert = StaffAlert.objects.get(kind="charges_braked")
    assert alert.text == (
        "Brightline Agency: The $205.00 monthly allocation for Northside Dental was tried six "
        "times in ten minutes, so it waits an hour."
    )
    assert world.run_at("2026-11-14 11:05") == []
    assert world.run_at("2026-11-14 11:06") == ["charge"]
    assert world.runs == [("2026-11-14", "paid")]


def test_five_tries_in_ten_minutes_stop_nothing(world):
    with clock.at(NOV_14):
        runs.plan_due(now=clock.now())
    _tries(world, 5)

    assert world.run_at("2026-11-14 10:06") == ["charge"]


@pytest.mark.parametrize(("at", "code"), [("10:09:59", "too_many_tries"), ("10:10", "charge")])
def test_a_try_counts_for_ten_minutes(world, at, code):
    with clock.at(NOV_14):
        runs.plan_due(now=clock.now())
    _tries(world, 6)

    assert world.run_at(f"2026-11-14 {at}") == [code]


def test_what_the_sub_account_pays_itself_brakes_no_month(world):
    for _ in range(6):
        Purchase.objects.create(
            payer=world.sub,
            wallet=world.sub.wallet,
            purpose="recharge",
            amount_cents=500,
            buys="credit",
            state="declined",
            created_at=NOV_14,
            closed_at=NOV_14,
        )

    assert world.run_at("2026-11-14 10:01") == ["charge"]


def _tries(world, count):
    """So many charges of this month that were given up before any money moved."""
    for minute in range(count):
        with clock.at(NOV_14 + timedelta(minutes=minute)):
            run = world.run("2026-11-14")
            decision, purchase = runs._claim(run.pk, None)
            assert decision.code == "charge"
            purchases.cancel(purchase_id=purchase.pk)
            AllocationRun.objects.filter(pk=run.pk).update(next_attempt_at=None)
