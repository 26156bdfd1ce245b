"""What becomes of a month that was never paid once the next one begins."""

import pytest

from accounts import clock
from wallets.allocations import planning, runs
from wallets.charging import purchases
from wallets.models import AllocationRun, AutoAllocation
from wallets.tests.worlds.allocation_world import make_unanswered, make_world, moment
from wallets.tests.worlds.builders import BANK_ASKS_CARD, DECLINED_CARD

pytestmark = pytest.mark.django_db

NOV_14 = moment("2026-11-14 10:00")
DEC_14 = moment("2026-12-14 00:00")
JAN_14 = moment("2027-01-14 00:00")


def plan_at(at):
    with clock.at(at):
        return planning.plan_due(now=at)


def save_at(world, at):
    with clock.at(at):
        world.save()


def test_a_month_that_was_tried_and_never_paid_is_failed_when_the_next_begins(failing):
    failing.accept()

    plan_at(DEC_14)

    run = failing.run("2026-11-14")
    assert (run.state, run.closed_at, run.next_attempt_at) == ("failed", DEC_14, None)
    assert failing.told(failing.agency, "allocation_missed") == []
    assert failing.logged(failing.agency) == ["planned", "failed", "planned"]


def test_a_month_that_was_never_tried_is_missed_when_the_next_begins(world):
    save_at(world, NOV_14)
    AllocationRun.objects.update(next_attempt_at=moment("2026-12-20"))

    plan_at(DEC_14)

    run = world.run("2026-11-14")
    assert (run.state, run.closed_at, run.next_attempt_at) == ("missed", DEC_14, None)
    assert len(world.told(world.agency, "allocation_missed")) == 1
    assert world.logged(world.agency) == ["planned", "missed", "planned"]


def test_a_month_whose_payment_has_no_outcome_yet_stays_due_and_keeps_no_other_from_passing(world):
    sibling = world.sibling()
    for one in (world, sibling):
        save_at(one, NOV_14)
    world.stripe.set_card(world.card.id, behaviour="processing")
    with clock.at(NOV_14):
        runs.charge_run(run_id=sibling.run("2026-11-14").pk)

    plan_at(DEC_14)

    assert sibling.runs == [("2026-11-14", "due"), ("2026-12-14", "due")]
    assert world.runs == [("2026-11-14", "missed"), ("2026-12-14", "due")]


def test_planning_one_sub_account_lets_no_month_of_another_pass(world):
    sibling = world.sibling()
    for one in (world, sibling):
        save_at(one, NOV_14)

    with clock.at(DEC_14):
        planning.plan(locked=[planning.lock(allocation_id=world.allocation.pk)])

    assert world.runs == [("2026-11-14", "missed"), ("2026-12-14", "due")]
    assert sibling.runs == [("2026-11-14", "due")]


def test_a_month_declined_only_in_the_next_one_passes_and_leaves_the_paid_one_alone(stripe):
    world, purchase = make_unanswered(stripe, number=DECLINED_CARD)
    plan_at(DEC_14)
    with clock.at(moment("2026-12-14 00:05")):
        assert purchases.drive(purchase_id=purchase.pk).state == "declined"
    AllocationRun.objects.filter(period="2026-12-14").update(state="paid")

    plan_at(JAN_14)

    assert world.runs == [("2026-11-14", "failed"), ("2026-12-14", "paid"), ("2027-01-14", "due")]


@pytest.mark.parametrize("code", ["insufficient_funds", "lost_card"])
def test_a_decline_learned_of_after_the_month_promises_and_blames_nothing(stripe, code):
    world = make_world(stripe)
    world.decline_with(code)
    save_at(world, NOV_14)
    stripe.fault(kind="reset_after", path="/v1/payment_intents/.*/confirm", times=2)
    world.run_at("2026-11-14 10:00")
    [purchase] = world.purchases()
    plan_at(DEC_14)
    AllocationRun.objects.filter(period="2026-12-14").update(state="paid")

    with clock.at(moment("2026-12-14 00:05")):
        assert purchases.drive(purchase_id=purchase.pk).state == "declined"

    run = world.run("2026-11-14")
    assert (run.state, run.next_attempt_at, run.attempts) == ("failed", None, 1)
    assert world.allocation.failed_at is None
    [text] = world.told(world.agency, "allocation_failed")
    assert "We try again" not in text
    assert "Retry now" not in text


def test_a_payment_learned_of_after_the_month_says_nothing_of_the_one_that_failed_since(stripe):
    world, purchase = make_unanswered(stripe)
    plan_at(DEC_14)
    AllocationRun.objects.filter(period="2026-12-14").update(state="failed")
    AutoAllocation.objects.update(failed_at=DEC_14)

    with clock.at(moment("2026-12-14 00:05")):
        assert purchases.drive(purchase_id=purchase.pk).state == "succeeded"

    assert world.runs == [("2026-11-14", "paid"), ("2026-12-14", "failed")]
    assert world.allocation.failed_at == DEC_14


def test_a_bank_that_asks_after_the_month_leaves_the_paid_one_alone(stripe):
    world, purchase = make_unanswered(stripe, number=BANK_ASKS_CARD)
    plan_at(DEC_14)
    AllocationRun.objects.filter(period="2026-12-14").update(state="paid")

    with clock.at(moment("2026-12-14 00:05")):
        purchases.drive(purchase_id=purchase.pk)

    assert world.told(world.agency, "action_required")
    assert world.run("2026-11-14").state == "failed"
    assert world.allocation.failed_at is None
