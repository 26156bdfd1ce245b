"""Facts that differ keep a purchase away from the ledger until support has decided."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from accounts import clock
from accounts.models import StaffAlert
from wallets.charging import purchases, rows
from wallets.models import Purchase
from wallets.stripe import answers, gateway
from wallets.tests.worlds.builders import (
    add_card,
    make_wallet,
    set_auto_recharge,
)
from wallets.tests.worlds.purchases import CONFIRM, claim, credit, taken

pytestmark = pytest.mark.django_db


def test_a_key_used_for_something_else_is_quarantined_and_never_tried_as_a_new_one(low, stripe):
    stripe.fault(kind="reset_before", path=CONFIRM, method="POST", times=3)
    purchase = purchases.drive(purchase_id=claim(low).pk)
    stripe.clear_faults()
    gateway.create_customer(key=f"{purchase.pk}:confirm:2", name="x", email="", metadata={})

    for _ in range(2):
        purchase = purchases.drive(purchase_id=purchase.pk)

    assert (purchase.state, purchase.attempts) == ("submitted", 2)
    assert purchase.quarantine_reason.startswith("Idempotency key reused: ")
    assert taken(stripe) == []
    [alert] = StaffAlert.objects.all()
    assert (alert.kind, alert.data) == ("purchase_quarantined", {"id": str(purchase.pk)})


def test_an_answer_about_another_amount_is_quarantined_and_never_credited(low, monkeypatch):
    purchase = claim(low)
    real = gateway.retrieve_intent

    def lies(*, intent_id):
        intent = real(intent_id=intent_id)
        return answers.Intent(**{**intent.__dict__, "amount": 50_000, "amount_received": 50_000})

    monkeypatch.setattr(gateway, "retrieve_intent", lies)
    purchase = purchases.drive(purchase_id=purchase.pk)

    assert purchase.quarantined_at
    assert "50000" in purchase.quarantine_reason
    assert credit(low) == 8
    assert StaffAlert.objects.filter(kind="purchase_quarantined").count() == 1


@pytest.mark.parametrize(
    "fact",
    [
        {"amount": 5001},
        {"currency": "eur"},
        {"customer": "cus_stranger"},
        {"amount_received": 4999},
    ],
)
def test_an_intent_that_differs_in_one_fact_is_never_credited(low, monkeypatch, fact):
    real = gateway.retrieve_intent
    monkeypatch.setattr(gateway, "retrieve_intent", lambda **ask: replace(real(**ask), **fact))

    purchase = purchases.drive(purchase_id=claim(low).pk)
    purchases.drive(purchase_id=purchase.pk)
    again = purchases.settle(payment_intent=purchase.payment_intent)

    assert (again.state, again.quarantined_at) == ("submitted", purchase.quarantined_at)
    assert str(next(iter(fact.values()))) in purchase.quarantine_reason
    assert credit(low) == 8
    [alert] = StaffAlert.objects.all()
    assert (alert.kind, alert.data) == ("purchase_quarantined", {"id": str(purchase.pk)})


def test_an_intent_that_differs_is_not_confirmed(low, stripe, monkeypatch):
    purchase = claim(low)
    stripe.fault(kind="500_before", path=CONFIRM, times=9)
    purchases.drive(purchase_id=purchase.pk)
    stripe.clear_faults()
    real = gateway.retrieve_intent
    monkeypatch.setattr(gateway, "retrieve_intent", lambda **ask: replace(real(**ask), amount=1))

    purchase = purchases.drive(purchase_id=purchase.pk)

    assert (purchase.state, bool(purchase.quarantined_at)) == ("submitted", True)
    assert (taken(stripe), credit(low)) == ([], 8)


def test_a_purchase_in_quarantine_keeps_no_other_from_being_confirmed(low, stripe):
    other = make_wallet(credit="8.00")
    add_card(stripe, other)
    set_auto_recharge(other, threshold=10, amount=50)
    rows.quarantine(claim(other).pk, "The facts differ.")
    stripe.fault(kind="500_before", path=CONFIRM, times=9)
    purchase = purchases.drive(purchase_id=claim(low).pk)
    stripe.clear_faults()

    assert purchases.drive(purchase_id=purchase.pk).state == "succeeded"


def test_a_long_reason_is_cut_to_what_the_row_holds(low):
    purchase = claim(low)

    rows.quarantine(purchase.pk, "x" * 300)

    purchase.refresh_from_db()
    assert purchase.quarantine_reason == "x" * 200


def test_the_sweep_leaves_a_purchase_in_quarantine_alone(low, stripe, monkeypatch):
    real = gateway.retrieve_intent
    monkeypatch.setattr(gateway, "retrieve_intent", lambda **ask: replace(real(**ask), amount=1))
    purchase = purchases.drive(purchase_id=claim(low).pk)
    monkeypatch.setattr(gateway, "retrieve_intent", real)

    with clock.at(clock.now() + timedelta(minutes=2)):
        assert list(purchases.OPEN.take()) == []
        before = len(stripe.requests())
        purchases.drive(purchase_id=purchase.pk)
        assert len(stripe.requests()) == before
        settled = purchases.settle(payment_intent=purchase.payment_intent)

    assert (settled.state, credit(low)) == ("submitted", 8)


def test_a_success_found_on_a_closed_row_is_quarantined_and_pages_support(low):
    purchase = purchases.drive(purchase_id=claim(low).pk)
    other = Purchase.objects.create(
        payer=low.account,
        wallet=low,
        purpose="auto_recharge",
        amount_cents=5000,
        buys="credit",
        payment_method=low.default_payment_method,
        state="canceled",
        closed_at=clock.now(),
    )
    intent = gateway.create_intent(
        key="outside",
        amount=5000,
        customer=low.account.stripe_customer,
        payment_method=low.default_payment_method,
        metadata={"purchase": str(other.pk)},
        description="paid behind our back",
    )
    gateway.confirm_intent(key="outside:confirm", intent_id=intent.id)

    purchases.settle(payment_intent=intent.id)

    other.refresh_from_db()
    assert (other.state, bool(other.quarantined_at)) == ("canceled", True)
    assert credit(low) == Decimal("58.00")
    assert StaffAlert.objects.filter(kind="purchase_quarantined").count() == 1
    assert purchase.state == "succeeded"
