"""Answers that got lost: reading decides, never a second intent."""

from datetime import timedelta
from decimal import Decimal

import pytest

from accounts import clock
from accounts.models import StaffAlert
from wallets.charging import purchases
from wallets.models import Purchase
from wallets.stripe import answers, gateway
from wallets.tests.worlds.at_once import after_the_first_look
from wallets.tests.worlds.builders import (
    add_card,
    make_wallet,
    set_auto_recharge,
)
from wallets.tests.worlds.purchases import CANCEL, CONFIRM, CREATE, claim, credit, taken

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("kind", ["reset_before", "500_before", "429", "409", "lock_timeout"])
@pytest.mark.parametrize("path", [CREATE, CONFIRM])
def test_no_definite_answer_leaves_it_open_and_the_sweep_finishes_it(low, stripe, kind, path):
    stripe.fault(kind=kind, path=path, method="POST", times=3)
    purchase = purchases.drive(purchase_id=claim(low).pk)
    assert purchase.state in ("created", "submitted")
    assert credit(low) == Decimal("8.00")
    stripe.clear_faults()

    with clock.at(clock.now() + timedelta(minutes=1)):
        assert list(purchases.OPEN.take()) == [purchase.pk]
        purchase = purchases.drive(purchase_id=purchase.pk)

    assert purchase.state == "succeeded"
    assert taken(stripe) == [5000]
    assert credit(low) == Decimal("58.00")


@pytest.mark.parametrize("kind", ["reset_after", "500_after"])
def test_a_charge_whose_answer_was_lost_is_found_by_reading(low, stripe, kind):
    stripe.fault(kind=kind, path=CONFIRM, method="POST", times=3)
    purchase = purchases.drive(purchase_id=claim(low).pk)
    assert purchase.state == "submitted"
    stripe.clear_faults()

    purchase = purchases.drive(purchase_id=purchase.pk)

    assert purchase.state == "succeeded"
    assert taken(stripe) == [5000]
    assert credit(low) == Decimal("58.00")


def test_a_500_repeated_for_ever_under_the_key_of_creating_is_resolved_by_reading(low, stripe):
    stripe.fault(kind="500_after", path=CREATE + "$", method="POST", times=99)
    purchase = claim(low)
    with clock.at(purchase.created_at + timedelta(seconds=29)):
        assert purchases.drive(purchase_id=purchase.pk).state == "created"

    with clock.at(purchase.created_at + timedelta(seconds=30)):
        purchase = purchases.drive(purchase_id=purchase.pk)

    assert purchase.state == "succeeded"
    assert len(stripe.truth()["payment_intents"]) == 1
    assert credit(low) == Decimal("58.00")


def test_a_500_kept_under_the_key_of_creating_without_effect_ends_with_the_purchases_time(
    low, stripe
):
    stripe.fault(kind="500_saved", path=CREATE + "$", method="POST")
    purchase = claim(low)
    for seconds in (0, 30, 15 * 60):
        with clock.at(purchase.created_at + timedelta(seconds=seconds)):
            assert purchases.drive(purchase_id=purchase.pk).state == "created"

    with clock.at(purchase.created_at + timedelta(minutes=16)):
        purchase = purchases.drive(purchase_id=purchase.pk)

    assert (purchase.state, purchase.payment_intent) == ("canceled", None)
    assert stripe.truth()["payment_intents"] == []
    assert credit(low) == Decimal("8.00")


def test_a_500_kept_under_the_key_of_confirming_without_effect_is_asked_for_anew(low, stripe):
    stripe.fault(kind="500_saved", path=CONFIRM, method="POST")
    purchase = purchases.drive(purchase_id=claim(low).pk)
    assert (purchase.state, taken(stripe)) == ("submitted", [])

    purchase = purchases.drive(purchase_id=purchase.pk)

    assert purchase.state == "succeeded"
    assert taken(stripe) == [5000]
    assert credit(low) == Decimal("58.00")


def test_a_cancellation_that_stripe_answered_with_500_is_asked_for_anew(low, stripe):
    stripe.fault(kind="reset_after", path=CREATE + "$", method="POST", times=3)
    stripe.fault(kind="500_after", path=CANCEL, method="POST")
    purchase = purchases.drive(purchase_id=claim(low).pk)
    assert purchase.state == "created"

    with clock.at(purchase.created_at + timedelta(minutes=16)):
        assert purchases.drive(purchase_id=purchase.pk).state == "created"
        purchase = purchases.drive(purchase_id=purchase.pk)

    assert purchase.state == "canceled"
    assert taken(stripe) == []
    assert credit(low) == Decimal("8.00")


def test_a_payment_that_could_not_be_canceled_while_the_bank_thought_is_canceled_when_it_fails(
    low, stripe
):
    stripe.set_card(low.default_payment_method, behaviour="processing")
    purchase = purchases.drive(purchase_id=claim(low).pk)
    purchase = purchases.cancel(purchase_id=purchase.pk)
    assert purchase.state == "submitted"

    stripe.finish(purchase.payment_intent, "failed")
    purchase = purchases.drive(purchase_id=purchase.pk)

    assert purchase.state == "declined"
    assert gateway.retrieve_intent(intent_id=purchase.payment_intent).status == "canceled"
    assert credit(low) == Decimal("8.00")


@pytest.mark.parametrize("asked", ["create_intent", "retrieve_intent"])
def test_an_answer_that_makes_no_sense_leaves_it_open_and_the_sweep_finishes_it(
    low, stripe, monkeypatch, asked
):
    def refuse(**_: object) -> None:
        raise answers.StateChanged("It is otherwise.", code="payment_method_unexpected_state")

    with monkeypatch.context() as patch:
        patch.setattr(gateway, asked, refuse)
        purchase = purchases.drive(purchase_id=claim(low).pk)
    assert purchase.state in ("created", "submitted")
    assert credit(low) == Decimal("8.00")

    with clock.at(clock.now() + timedelta(minutes=1)):
        assert list(purchases.OPEN.take()) == [purchase.pk]
        purchase = purchases.drive(purchase_id=purchase.pk)

    assert purchase.state == "succeeded"
    assert taken(stripe) == [5000]
    assert credit(low) == Decimal("58.00")


def test_an_event_that_is_faster_than_our_own_answer_leaves_it_submitted(low, stripe):
    stripe.set_card(low.default_payment_method, behaviour="processing")
    stripe.fault(kind="reset_after", path=CREATE + "$", method="POST", times=3)
    purchase = purchases.drive(purchase_id=claim(low).pk)
    [intent] = stripe.truth()["payment_intents"]
    gateway.confirm_intent(key="faster", intent_id=intent["id"])
    assert (purchase.state, purchase.payment_intent) == ("created", None)
    other = make_wallet(credit="8.00")
    add_card(stripe, other)
    set_auto_recharge(other)
    newer = claim(other)

    moment = clock.now()
    with clock.at(moment):
        purchases.settle(payment_intent=intent["id"])

    purchase.refresh_from_db()
    assert (purchase.state, purchase.payment_intent) == ("submitted", intent["id"])
    assert purchase.submitted_at == moment
    assert credit(low) == 8
    newer.refresh_from_db()
    assert (newer.state, newer.payment_intent, newer.quarantined_at) == ("created", None, None)


def test_an_event_finds_the_purchase_whose_driver_stores_its_intent_in_between(low, stripe):
    stripe.fault(kind="reset_after", path=CREATE + "$", method="POST", times=3)
    purchase = purchases.drive(purchase_id=claim(low).pk)
    [intent] = stripe.truth()["payment_intents"]
    gateway.confirm_intent(key="faster", intent_id=intent["id"])

    with after_the_first_look(
        "wallets_purchase", lambda: Purchase.objects.update(payment_intent=intent["id"])
    ):
        assert purchases.settle(payment_intent=intent["id"]) == purchase

    purchase.refresh_from_db()
    assert purchase.state == "succeeded"
    assert credit(low) == Decimal("58.00")


def test_a_key_that_stripe_refuses_charges_nothing_and_pages_support_once_an_hour(
    low, stripe, settings
):
    purchase = claim(low)
    settings.STRIPE_SECRET_KEY = "revoked"

    with clock.at(purchase.created_at.replace(minute=0)):
        assert purchases.drive(purchase_id=purchase.pk).state == "created"
    with clock.at(purchase.created_at.replace(minute=59)):
        purchases.drive(purchase_id=purchase.pk)
    [alert] = StaffAlert.objects.all()
    with clock.at(purchase.created_at.replace(minute=0) + timedelta(hours=1)):
        purchases.drive(purchase_id=purchase.pk)

    assert (alert.kind, alert.data) == ("stripe_refuses_our_key", {})
    assert "Stripe refuses our key" in alert.text
    assert StaffAlert.objects.count() == 2
    assert taken(stripe) == []


def test_an_old_purchase_that_never_got_an_intent_is_closed_without_one(low, stripe):
    stripe.fault(kind="reset_before", path=CREATE, method="POST", times=3)
    purchase = purchases.drive(purchase_id=claim(low).pk)
    assert purchase.state == "created"
    stripe.clear_faults()

    with clock.at(clock.now() + timedelta(hours=25)):
        purchase = purchases.drive(purchase_id=purchase.pk)

    assert purchase.state == "canceled"
    assert stripe.truth()["payment_intents"] == []


def test_an_orphaned_intent_of_an_old_purchase_is_canceled_not_doubled(low, stripe):
    stripe.fault(kind="reset_after", path=CREATE, method="POST", times=3)
    purchase = purchases.drive(purchase_id=claim(low).pk)
    assert purchase.payment_intent is None
    stripe.clear_faults()
    stripe.advance(25 * 3600)

    with clock.at(clock.now() + timedelta(hours=25)):
        purchase = purchases.drive(purchase_id=purchase.pk)

    assert purchase.state == "canceled"
    assert [intent["status"] for intent in stripe.truth()["payment_intents"]] == ["canceled"]


def test_an_outcome_unknown_for_an_hour_is_told_to_support_once(low, stripe):
    stripe.fault(kind="reset_after", path=CONFIRM, method="POST", times=9)
    purchase = purchases.drive(purchase_id=claim(low).pk)
    other = make_wallet(credit="8.00")
    add_card(stripe, other)
    set_auto_recharge(other)
    waiting = claim(other)

    first = clock.now() + timedelta(minutes=61)
    for now in (first, first + timedelta(minutes=1)):
        with clock.at(now):
            purchases.report_unknown()

    alert = StaffAlert.objects.get(kind="purchase_unknown")
    assert alert.data == {"id": str(purchase.pk)}
    purchase.refresh_from_db()
    assert (purchase.state, purchase.reported_unknown_at) == ("submitted", first)
    waiting.refresh_from_db()
    assert waiting.reported_unknown_at is None


@pytest.mark.parametrize(
    ("later", "told"), [(timedelta(hours=1), 0), (timedelta(hours=1, seconds=1), 1)]
)
def test_support_hears_of_an_unknown_outcome_after_exactly_an_hour(low, stripe, later, told):
    stripe.fault(kind="reset_after", path=CONFIRM, method="POST", times=9)
    purchase = purchases.drive(purchase_id=claim(low).pk)

    with clock.at(purchase.created_at + later):
        purchases.report_unknown()

    assert StaffAlert.objects.filter(kind="purchase_unknown").count() == told
    purchase.refresh_from_db()
    assert bool(purchase.reported_unknown_at) is bool(told)


def test_the_sweep_finds_open_purchases_after_thirty_seconds_oldest_first(low, stripe):
    other = make_wallet(credit="8.00")
    add_card(stripe, other)
    set_auto_recharge(other, threshold=10, amount=20)
    moment = clock.now()
    with clock.at(moment):
        newer = claim(low)
    with clock.at(moment - timedelta(seconds=1)):
        older = claim(other)

    with clock.at(moment + timedelta(seconds=30)):
        assert list(purchases.OPEN.take()) == [older.pk]
    with clock.at(moment + timedelta(seconds=31)):
        assert list(purchases.OPEN.take()) == [newer.pk]
    with clock.at(moment + timedelta(seconds=91)):
        assert list(purchases.OPEN.take()) == [older.pk, newer.pk]
