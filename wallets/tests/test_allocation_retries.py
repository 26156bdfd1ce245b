from datetime import timedelta
from decimal import Decimal

import pytest

from accounts import clock
from accounts.tests.builders import make_user
from wallets import allocations, payment_methods, pricing, purchases, recharges
from wallets.errors import NoPaymentMethod, PurchaseInProgress, Refused, TooManyAttempts
from wallets.models import AutoAllocation
from wallets.tests.allocation_world import make_world, moment
from wallets.tests.builders import BANK_ASKS_CARD, OTHER_GOOD_CARD, add_card

pytestmark = pytest.mark.django_db

NOV_14 = moment("2026-11-14 10:00")


@pytest.fixture
def failing(stripe):
    """The first month was declined once, at 10:00 on 14 November."""
    world = make_world(stripe)
    world.decline_with()
    with clock.at(NOV_14):
        world.save()
    assert world.run_at("2026-11-14 10:00") == ["charge"]
    return world


def retry(world, at="2026-11-14 10:05", actor=None):
    with clock.at(moment(at)):
        return allocations.retry_now(account=world.sub, agency=world.agency, actor=actor)


def test_a_failure_is_told_with_its_reason_and_the_next_try(failing):
    assert failing.told(failing.agency, "allocation_failed") == [
        "The $205.00 monthly allocation for Northside Dental was not paid: Visa •••• 4242 was "
        "declined: insufficient funds. You were not charged. Try a smaller amount or another "
        "card. We try again on 14 Nov at 11:00 (UTC)."
    ]
    assert failing.told(failing.sub, "allocation_failed") == []
    assert failing.allocation.failed_at is None


def test_it_is_tried_again_after_1_24_and_72_hours_and_then_stays_failed(failing):
    tries = ["2026-11-14 11:00", "2026-11-15 11:00", "2026-11-18 11:00"]
    for text in tries:
        early = (moment(text) - timedelta(seconds=1)).isoformat(" ")[:19]
        assert failing.run_at(early) == []
        assert failing.run_at(text) == ["charge"]

    assert failing.run_at("2026-12-13 23:00") == []
    assert [row.state for row in failing.purchases()] == ["declined"] * 4
    run = failing.run("2026-11-14")
    assert (run.state, run.attempts, run.next_attempt_at) == ("failed", 4, None)
    assert failing.allocation.failed_at == moment("2026-11-18 11:00")
    assert failing.told(failing.agency, "allocation_failed")[-1].endswith(
        "Choose another card or press Retry now in Manage auto allocation."
    )
    assert failing.taken() == []


def test_a_retry_keeps_the_runs_minutes_and_first_rates(failing):
    with clock.at(moment("2026-11-14 10:30")):
        failing.save(basic=10, premium=10)
        pricing.set_rate(
            minute_type="basic", price=Decimal("0.10"), effective_from=clock.now(), actor=None
        )
    failing.accept()

    assert failing.run_at("2026-11-14 11:00") == ["charge"]

    assert failing.taken() == [20500]
    assert failing.minutes == (500, 1000)


def test_a_failed_month_does_not_stop_the_next_one(failing):
    for text in ("2026-11-14 11:00", "2026-11-15 11:00", "2026-11-18 11:00"):
        failing.run_at(text)
    failing.accept()

    assert failing.run_at("2026-12-14 00:00") == ["charge"]

    assert failing.runs == [("2026-11-14", "failed"), ("2026-12-14", "paid")]
    assert failing.allocation.failed_at is None


@pytest.mark.parametrize("code", ["lost_card", "stolen_card", "fraudulent", "expired_card"])
def test_a_card_that_can_never_work_is_tried_once(stripe, code):
    world = make_world(stripe)
    world.decline_with(code)
    with clock.at(NOV_14):
        world.save()

    world.run_at("2026-11-14 10:00")

    assert world.runs == [("2026-11-14", "failed")]
    assert world.run_at("2026-11-20") == []
    assert len(world.purchases()) == 1


def test_another_card_makes_the_failed_month_due_again(failing):
    for text in ("2026-11-14 11:00", "2026-11-15 11:00", "2026-11-18 11:00"):
        failing.run_at(text)
    other = add_card(failing.stripe, failing.agency.wallet, OTHER_GOOD_CARD)

    with clock.at(moment("2026-11-19 09:00")):
        shown = failing.preview(payment_method=other.id)
        failing.save(payment_method=other.id)
        assert failing.allocation.failed_at is None

    assert shown.text == (
        "The unpaid $205.00 of 14 Nov is charged today with this card, "
        "then $205.00 monthly on the 14th."
    )
    assert failing.run_at("2026-11-19 09:01") == ["charge"]
    assert failing.taken() == [20500]
    assert failing.purchases()[-1].card == "Mastercard •••• 4444"


def test_another_card_ends_the_wait_and_gets_its_own_three_retries(failing):
    other = add_card(failing.stripe, failing.agency.wallet, OTHER_GOOD_CARD)
    failing.stripe.set_card(other.id, behaviour={"decline_code": "generic_decline"})

    with clock.at(moment("2026-11-14 10:10")):
        failing.save(payment_method=other.id)

    assert failing.run_at("2026-11-14 10:11") == ["charge"]
    assert failing.run("2026-11-14").attempts == 1
    assert failing.run("2026-11-14").next_attempt_at == moment("2026-11-14 11:11")


def test_saving_the_same_card_again_shortens_no_wait(failing):
    with clock.at(moment("2026-11-14 10:10")):
        failing.save()

    assert failing.run_at("2026-11-14 10:11") == []
    assert failing.run("2026-11-14").next_attempt_at == moment("2026-11-14 11:00")


def test_retry_now_charges_at_once_in_the_persons_name(failing):
    failing.accept()
    person = make_user()

    purchase = retry(failing, actor=person)

    assert (purchase.state, purchase.requested_by) == ("succeeded", person)
    assert failing.runs == [("2026-11-14", "paid")]
    assert failing.taken() == [20500]


def test_retry_now_that_fails_waits_on_as_before_it_had_given_up(failing):
    assert retry(failing).state == "declined"

    run = failing.run("2026-11-14")
    assert (run.state, run.attempts) == ("due", 2)
    assert run.next_attempt_at == moment("2026-11-15 10:05")


def test_retry_now_after_giving_up_is_one_try(failing):
    for text in ("2026-11-14 11:00", "2026-11-15 11:00", "2026-11-18 11:00"):
        failing.run_at(text)

    assert retry(failing, "2026-11-19 10:00").state == "declined"

    assert failing.runs == [("2026-11-14", "failed")]
    assert failing.allocation.failed_at == moment("2026-11-19 10:00")
    assert failing.run_at("2026-12-01") == []


def test_a_person_may_try_five_times_an_hour(failing):
    for minute in range(11, 15):
        retry(failing, f"2026-11-14 10:{minute}")

    with pytest.raises(TooManyAttempts):
        retry(failing, "2026-11-14 10:15")

    assert len(failing.purchases()) == 5  # The automatic one counts, too.
    assert retry(failing, "2026-11-14 11:12").state == "declined"


def test_a_try_at_an_allocation_counts_for_an_hour(failing):
    for minute in range(11, 15):
        retry(failing, f"2026-11-14 10:{minute}")

    with pytest.raises(TooManyAttempts):
        retry(failing, "2026-11-14 10:59:59")
    # The automatic try of 10:00 counts no longer.
    assert retry(failing, "2026-11-14 11:00").state == "declined"


def test_there_is_nothing_to_retry_in_a_paid_month_nor_in_a_passed_one(failing):
    failing.accept()
    retry(failing)

    with pytest.raises(Refused, match="nothing to retry"):
        retry(failing, "2026-11-14 10:06")
    failing.decline_with()
    failing.run_at("2026-12-14 00:00")
    with pytest.raises(Refused, match="nothing to retry"):
        retry(failing, "2027-01-14 00:00")

    assert failing.taken() == [20500]


def test_retry_now_without_a_usable_card_says_what_helps(failing):
    payment_methods.forget(account=failing.agency, card_id=failing.card.id)

    with pytest.raises(NoPaymentMethod, match="no longer saved"):
        retry(failing)

    assert failing.run("2026-11-14").next_attempt_at == moment("2026-11-14 11:00")


def test_a_card_that_was_removed_fails_the_month_like_a_decline(stripe):
    world = make_world(stripe)
    with clock.at(NOV_14):
        world.save()
    payment_methods.forget(account=world.agency, card_id=world.card.id)

    assert world.run_at("2026-11-14 10:00") == ["no_card"]

    run = world.run("2026-11-14")
    assert (run.state, run.attempts) == ("due", 1)
    assert run.error_text == "This card is no longer saved. Choose another card."


def test_a_renewed_card_is_tried_by_itself(stripe, nudges, django_capture_on_commit_callbacks):
    world = make_world(stripe)
    with clock.at(NOV_14):
        world.save()
    payment_methods.mirror_card(stripe.set_card(world.card.id, exp_year=2026, exp_month=10))
    for text in ("2026-11-14 10:00", "2026-11-14 11:00", "2026-11-15 11:00", "2026-11-18 11:00"):
        assert world.run_at(text) == ["no_card"]
    assert world.runs == [("2026-11-14", "failed")]

    payment_methods.mirror_card(stripe.set_card(world.card.id, exp_year=2030))
    with clock.at(moment("2026-11-19")), django_capture_on_commit_callbacks(execute=True):
        allocations.payment_method_changed(wallet_id=world.agency.wallet.pk)

    assert ("wallets.run_allocation", (world.run("2026-11-14").pk,)) in nudges
    assert world.run_at("2026-11-19 00:01") == ["charge"]
    assert world.taken() == [20500]


def test_a_card_that_was_declined_is_not_tried_again_by_itself(failing):
    for text in ("2026-11-14 11:00", "2026-11-15 11:00", "2026-11-18 11:00"):
        failing.run_at(text)

    allocations.payment_method_changed(wallet_id=failing.agency.wallet.pk)

    assert failing.run_at("2026-11-20") == []
    assert len(failing.purchases()) == 4


# --- The bank.


@pytest.fixture
def at_the_bank(stripe):
    world = make_world(stripe, number=BANK_ASKS_CARD)
    with clock.at(NOV_14):
        world.save()
    world.run_at("2026-11-14 10:00")
    return world


def test_confirming_with_the_bank_pays_the_failed_month_once(at_the_bank):
    [purchase] = at_the_bank.purchases()
    with clock.at(moment("2026-11-14 12:00")):
        recharges.confirm_with_bank(purchase_id=purchase.pk, return_url="http://localhost/back")
        at_the_bank.stripe.answer_bank(purchase.payment_intent, approved=True)
        purchases.settle(payment_intent=purchase.payment_intent)

    assert at_the_bank.runs == [("2026-11-14", "paid")]
    assert at_the_bank.allocation.failed_at is None
    assert at_the_bank.minutes == (500, 1000)
    assert at_the_bank.taken() == [20500]


def test_retry_now_points_to_the_bank_while_it_waits(at_the_bank):
    [purchase] = at_the_bank.purchases()

    with pytest.raises(PurchaseInProgress) as refusal:
        retry(at_the_bank)

    assert refusal.value.purchase_id == purchase.pk
    assert at_the_bank.purchases()[0].state == "requires_action"


def test_another_card_gives_up_the_payment_that_waits_for_the_bank(at_the_bank):
    other = add_card(at_the_bank.stripe, at_the_bank.agency.wallet, OTHER_GOOD_CARD)
    with clock.at(moment("2026-11-14 11:00")):
        at_the_bank.save(payment_method=other.id)

    assert at_the_bank.run_at("2026-11-14 11:01") == ["charge"]

    assert [row.state for row in at_the_bank.purchases()] == ["canceled", "succeeded"]
    assert at_the_bank.taken() == [20500]


def test_the_link_to_the_bank_ends_after_a_day_and_the_month_stays_failed(at_the_bank):
    [purchase] = at_the_bank.purchases()

    with clock.at(moment("2026-11-15 10:01")):
        purchases.drive(purchase_id=purchase.pk)

    assert at_the_bank.purchases()[0].state == "canceled"
    assert at_the_bank.runs == [("2026-11-14", "failed")]
    assert at_the_bank.allocation.failed_at


def test_stopping_gives_up_the_payment_that_waits_for_the_bank(at_the_bank):
    with clock.at(moment("2026-11-14 11:00")):
        at_the_bank.stop()

    assert at_the_bank.purchases()[0].state == "canceled"
    assert at_the_bank.runs == [("2026-11-14", "canceled")]


# --- Unknown outcomes.


def test_an_answer_that_was_lost_ends_with_one_charge_and_one_credit(stripe):
    world = make_world(stripe)
    with clock.at(NOV_14):
        world.save()
    stripe.fault(kind="reset_after", path="/v1/payment_intents/.*/confirm", times=2)

    world.run_at("2026-11-14 10:00")
    [purchase] = world.purchases()
    assert purchase.state == "submitted"
    assert world.run_at("2026-11-14 10:05") == []
    with clock.at(moment("2026-11-14 10:06")):
        purchases.drive(purchase_id=purchase.pk)

    assert world.runs == [("2026-11-14", "paid")]
    assert (world.taken(), world.minutes) == ([20500], (500, 1000))


def test_a_stripe_that_is_down_for_two_days_ends_with_one_charge(stripe):
    world = make_world(stripe)
    with clock.at(NOV_14):
        world.save()
    stripe.fault(kind="500_before", path="/v1/payment_intents", times=100)
    world.run_at("2026-11-14 10:00")
    with clock.at(moment("2026-11-16 10:00")):
        purchases.drive(purchase_id=world.purchases()[0].pk)
    assert world.purchases()[0].state == "created"
    stripe.clear_faults()

    with clock.at(moment("2026-11-16 10:01")):
        purchases.drive(purchase_id=world.purchases()[0].pk)
    assert world.purchases()[0].state == "canceled"
    world.run_at("2026-11-16 10:03")

    assert world.runs == [("2026-11-14", "paid")]
    assert world.taken() == [20500]
    assert AutoAllocation.objects.get().failed_at is None
