from datetime import date, timedelta
from decimal import Decimal

import pytest

from accounts import clock
from accounts.tests.builders import close, make_user
from wallets.allocations import configure, retries, runs
from wallets.cards import keeping, mirror
from wallets.charging import purchases
from wallets.errors import NoPaymentMethod, PurchaseInProgress, Refused, TooManyAttempts
from wallets.models import AllocationRun, AutoAllocation, LoggedDecision, Wallet
from wallets.prices.rates import set_rate
from wallets.recharges import by_hand
from wallets.tests.worlds.allocation_world import make_unanswered, make_world, moment
from wallets.tests.worlds.builders import BANK_ASKS_CARD, DECLINED_CARD, OTHER_GOOD_CARD, add_card

pytestmark = [pytest.mark.django_db, pytest.mark.journey]

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
        return retries.retry_now(account=world.sub, agency=world.agency, actor=actor)


def give_up(world):
    for text in ("2026-11-14 11:00", "2026-11-15 11:00", "2026-11-18 11:00"):
        world.run_at(text)


def test_a_failure_is_told_with_its_reason_and_the_next_try(failing):
    assert failing.told(failing.agency, "allocation_failed") == [
        "The $205.00 monthly allocation for Northside Dental was not paid: Visa •••• 4242 was "
        "declined: insufficient funds. You were not charged. Try a smaller amount or another "
        "card. We try again on 14 Nov at 11:00 (UTC)."
    ]
    assert failing.told(failing.sub, "allocation_failed") == []
    assert failing.allocation.failed_at is None
    assert failing.logged(failing.agency) == ["planned", "failed"]


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
    assert run.closed_at == moment("2026-11-18 11:00")
    assert failing.logged(failing.agency)[-1] == "failed_for_good"
    assert failing.allocation.failed_at == moment("2026-11-18 11:00")
    assert failing.told(failing.agency, "allocation_failed")[-1].endswith(
        "Choose another card or press Retry now in Manage auto allocation."
    )
    assert failing.taken() == []


def test_a_retry_keeps_the_runs_minutes_and_first_rates(failing):
    with clock.at(moment("2026-11-14 10:30")):
        failing.save(basic=10, premium=10)
        set_rate(minute_type="basic", price=Decimal("0.10"), effective_from=clock.now(), actor=None)
    failing.accept()

    assert failing.run_at("2026-11-14 11:00") == ["charge"]

    assert failing.taken() == [20500]
    assert failing.minutes == (500, 1000)


def test_a_failed_month_does_not_stop_the_next_one(failing):
    give_up(failing)
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
    give_up(failing)
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
    assert failing.run("2026-11-14").error_text == ""
    assert failing.taken() == [20500]


def test_retry_now_that_fails_waits_on_as_before_it_had_given_up(failing):
    assert retry(failing).state == "declined"

    run = failing.run("2026-11-14")
    assert (run.state, run.attempts) == ("due", 2)
    assert run.next_attempt_at == moment("2026-11-15 10:05")


def test_retry_now_after_giving_up_is_one_try(failing):
    give_up(failing)

    assert retry(failing, "2026-11-19 10:00").state == "declined"

    assert failing.runs == [("2026-11-14", "failed")]
    assert failing.allocation.failed_at == moment("2026-11-19 10:00")
    assert failing.run_at("2026-12-01") == []


def test_retry_now_that_cannot_be_tried_changes_nothing(failing):
    give_up(failing)
    blocked = {"blocked_at": NOV_14, "blocked_reason": "disputed"}
    Wallet.objects.filter(account=failing.agency).update(**blocked)

    with pytest.raises(Refused, match="could not be tried just now"):
        retry(failing, "2026-11-19 10:00")

    assert failing.runs == [("2026-11-14", "failed")]
    assert failing.allocation.failed_at == moment("2026-11-18 11:00")
    Wallet.objects.update(blocked_at=None, blocked_reason="")
    failing.accept()
    assert failing.run_at("2026-11-19 10:05") == []
    assert failing.taken() == []


@pytest.mark.parametrize("who", ["agency", "sub"])
def test_a_closed_accounts_month_is_not_retried(failing, who):
    failing.accept()
    close(getattr(failing, who))

    with pytest.raises(Refused, match="is closed"):
        retry(failing)

    assert failing.run("2026-11-14").next_attempt_at == moment("2026-11-14 11:00")
    assert failing.taken() == []


def test_support_retries_the_month_that_runs_now_and_no_other(failing):
    failing.accept()
    person, november = make_user(), failing.run("2026-11-14").pk
    failing.sibling().save()

    with clock.at(moment("2026-12-14 00:00")):
        with pytest.raises(Refused, match="Only the month that runs now"):
            retries.retry_run(run_id=november, actor=person)
        assert len(failing.purchases()) == 1
    with clock.at(moment("2026-12-13 23:59")):
        paid = retries.retry_run(run_id=november, actor=person)

    assert (paid.state, paid.requested_by) == ("succeeded", person)
    assert failing.runs == [("2026-11-14", "paid")]


@pytest.mark.parametrize(("cents", "is_tried"), [(49, False), (50, True)])
def test_a_month_below_stripes_minimum_is_not_retried(failing, cents, is_tried):
    failing.accept()
    AllocationRun.objects.update(amount_cents=cents, error_text="Set more minutes.")

    if is_tried:
        assert retry(failing).state == "succeeded"
    else:
        with pytest.raises(Refused, match="Set more minutes."):
            retry(failing)

    assert failing.taken() == ([cents] if is_tried else [])


def test_there_is_nothing_to_retry_before_the_first_month(stripe):
    world = make_world(stripe)
    with clock.at(NOV_14):
        world.save(start_date=date(2026, 11, 20))

    with pytest.raises(Refused, match="nothing to retry"):
        retry(world, "2026-11-19 10:00")


def test_retry_now_waits_for_a_charge_without_an_outcome(stripe):
    world, purchase = make_unanswered(stripe)

    with pytest.raises(PurchaseInProgress, match=r"\$205.00 charge is being confirmed") as refusal:
        retry(world)

    assert refusal.value.purchase_id == purchase.pk
    assert len(world.purchases()) == 1


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
    keeping.forget(account=failing.agency, card_id=failing.card.id)

    with pytest.raises(NoPaymentMethod, match="no longer saved"):
        retry(failing)

    assert failing.run("2026-11-14").next_attempt_at == moment("2026-11-14 11:00")


def test_a_card_that_was_removed_fails_the_month_like_a_decline(stripe):
    world = make_world(stripe)
    with clock.at(NOV_14):
        world.save()
    keeping.forget(account=world.agency, card_id=world.card.id)

    with clock.at(NOV_14):
        [decision] = runs.charge_due(now=NOV_14)

    assert (decision.wanted, decision.code) == (False, "no_card")
    assert world.purchases() == []
    run = world.run("2026-11-14")
    assert (run.state, run.attempts) == ("due", 1)
    assert run.error_text == "This card is no longer saved. Choose another card."


def expire(world):
    old = world.stripe.set_card(world.card.id, exp_year=2026, exp_month=10)
    mirror.keep_card(old)


def renew(world):
    mirror.keep_card(world.stripe.set_card(world.card.id, exp_year=2030))


def without_a_card(stripe):
    """The first month failed for good: its card had expired, so it was never tried."""
    world = make_world(stripe)
    with clock.at(NOV_14):
        world.save()
    expire(world)
    world.run_at("2026-11-14 10:00")
    give_up(world)
    assert world.runs == [("2026-11-14", "failed")]
    return world


@pytest.fixture
def card_changed(nudges, django_capture_on_commit_callbacks):
    """Look again as after an event about the agency's card; returns the runs that were nudged."""

    def change(world, at="2026-11-19"):
        nudges.clear()
        with clock.at(moment(at)), django_capture_on_commit_callbacks(execute=True):
            retries.payment_method_changed(wallet_id=world.agency.wallet.pk)
        return [args[0] for name, args in nudges if name == "wallets.run_allocation"]

    return change


def test_a_renewed_card_is_tried_by_itself(stripe, card_changed):
    world, other = without_a_card(stripe), without_a_card(stripe)
    renew(world)
    renew(other)

    assert card_changed(world) == [world.run("2026-11-14").pk]

    run = world.run("2026-11-14")
    assert (run.state, run.attempts, run.closed_at) == ("due", 0, None)
    assert world.allocation.failed_at is None
    assert world.run_at("2026-11-19 00:01") == ["charge"]
    assert world.taken() == [20500]
    assert other.runs == [("2026-11-14", "failed")]


def test_a_card_that_is_still_expired_or_gone_revives_nothing(stripe, card_changed):
    world = without_a_card(stripe)

    assert card_changed(world) == []
    keeping.forget(account=world.agency, card_id=world.card.id)
    assert card_changed(world) == []

    assert world.runs == [("2026-11-14", "failed")]


@pytest.mark.parametrize(("cents", "state"), [(49, "failed"), (50, "due")])
def test_a_renewed_card_revives_no_month_below_stripes_minimum(stripe, card_changed, cents, state):
    world = without_a_card(stripe)
    AllocationRun.objects.update(amount_cents=cents)
    renew(world)

    assert len(card_changed(world)) == (1 if state == "due" else 0)

    assert world.runs == [("2026-11-14", state)]


def test_a_renewed_card_revives_no_month_that_is_over(stripe, card_changed):
    world = without_a_card(stripe)
    with clock.at(moment("2026-11-20")):
        configure.skip_next(account=world.sub, agency=world.agency, actor=None)
    world.run_at("2026-12-14 00:00")
    renew(world)

    assert card_changed(world, "2026-12-15") == []

    assert world.runs == [("2026-11-14", "failed"), ("2026-12-14", "skipped")]


def test_a_paid_month_stays_paid_when_another_card_is_chosen_and_renewed(stripe, card_changed):
    world = without_a_card(stripe)
    renew(world)
    assert world.run_at("2026-12-14 00:00") == ["charge"]
    other = add_card(world.stripe, world.agency.wallet, OTHER_GOOD_CARD)
    with clock.at(moment("2026-12-14 01:00")):
        world.save(payment_method=other.id)

    assert card_changed(world, "2026-12-15") == []

    assert world.runs == [("2026-11-14", "failed"), ("2026-12-14", "paid")]


def test_a_renewed_card_is_tried_where_only_another_one_was_declined(failing, card_changed):
    failing.card = add_card(failing.stripe, failing.agency.wallet, OTHER_GOOD_CARD)
    with clock.at(moment("2026-11-14 10:10")):
        failing.save(payment_method=failing.card.id)
    expire(failing)
    for text in ("2026-11-14 10:11", "2026-11-14 11:11", "2026-11-15 11:11", "2026-11-18 11:11"):
        assert failing.run_at(text) == ["no_card"]
    renew(failing)

    assert card_changed(failing) == [failing.run("2026-11-14").pk]

    assert failing.run_at("2026-11-19 00:01") == ["charge"]
    assert failing.taken() == [20500]


def test_a_card_that_was_declined_is_not_tried_again_by_itself(failing):
    give_up(failing)

    retries.payment_method_changed(wallet_id=failing.agency.wallet.pk)

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
        by_hand.confirm_with_bank(purchase_id=purchase.pk, return_url="http://localhost/back")
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


def test_a_payment_at_the_bank_that_cannot_be_given_up_keeps_the_next_from_being_made(at_the_bank):
    other = add_card(at_the_bank.stripe, at_the_bank.agency.wallet, OTHER_GOOD_CARD)
    with clock.at(moment("2026-11-14 11:00")):
        at_the_bank.save(payment_method=other.id)
        at_the_bank.stripe.fault(kind="500_before", path="/v1/payment_intents/.*/cancel", times=100)
        [decision] = runs.charge_due(now=clock.now())

    assert (decision.wanted, decision.code) == (False, "gateway_wait")
    assert [row.state for row in at_the_bank.purchases()] == ["requires_action"]
    at_the_bank.stripe.clear_faults()
    assert at_the_bank.run_at("2026-11-14 11:01") == ["charge"]
    assert at_the_bank.taken() == [20500]


def test_a_late_worker_leaves_the_payment_at_the_bank_alone(at_the_bank):
    with clock.at(moment("2026-11-14 11:00")):
        decision = runs.charge_run(run_id=at_the_bank.run("2026-11-14").pk)

    assert decision.code == "not_due"
    assert [row.state for row in at_the_bank.purchases()] == ["requires_action"]


def test_giving_up_one_payment_leaves_those_of_another_sub_account_alone(at_the_bank):
    sibling, declined = at_the_bank.sibling(), at_the_bank.sibling("Eastside Dental")
    with clock.at(moment("2026-11-14 10:30")):
        sibling.save()
        runs.charge_due(now=clock.now())
    declined.card = add_card(at_the_bank.stripe, at_the_bank.agency.wallet, DECLINED_CARD)
    other = add_card(at_the_bank.stripe, at_the_bank.agency.wallet, OTHER_GOOD_CARD)
    with clock.at(moment("2026-11-14 11:00")):
        declined.save()
        runs.charge_due(now=clock.now())
        for world in (at_the_bank, sibling):
            world.save(payment_method=other.id)
        runs.charge_run(run_id=at_the_bank.run("2026-11-14").pk)

    assert at_the_bank.runs == [("2026-11-14", "paid")]
    waiting = sibling.run("2026-11-14").purchases.get()
    assert waiting.state == "requires_action"
    assert declined.run("2026-11-14").next_attempt_at == moment("2026-11-14 12:00")


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
    world, purchase = make_unanswered(stripe)
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
    assert world.logged(world.agency)[-1] == "canceled"
    said = LoggedDecision.objects.get(wallet__account=world.agency, code="canceled").figures
    assert said["until"] == "2026-11-16T10:03:00+00:00"
    assert world.run("2026-11-14").next_attempt_at == moment("2026-11-16 10:03")
    world.run_at("2026-11-16 10:03")

    assert world.runs == [("2026-11-14", "paid")]
    assert world.taken() == [20500]
    assert AutoAllocation.objects.get().failed_at is None
