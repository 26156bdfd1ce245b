"""Support asks Stripe about a purchase: released and recorded together, or nothing is changed."""

from dataclasses import replace
from decimal import Decimal

import pytest

from accounts import clock
from accounts.models import StaffAlert
from wallets.charging import purchases, resolving, rows
from wallets.errors import GatewayUnreachable, Refused
from wallets.models import Purchase
from wallets.stripe import gateway
from wallets.tests.worlds.builders import add_card, make_wallet, set_auto_recharge
from wallets.tests.worlds.purchases import CANCEL, CONFIRM, claim, credit, taken

pytestmark = pytest.mark.django_db

SILENCE = pytest.mark.parametrize("kind", ["reset_before", "500_before"])


def submitted(wallet, stripe):
    """Confirmed at Stripe, and our answer got lost."""
    stripe.fault(kind="reset_after", path=r"/v1/payment_intents/[^/]+/confirm", times=2)
    stripe.fault(kind="reset_before", path=r"/v1/payment_intents/[^/]+", method="GET", times=2)
    purchase = purchases.drive(purchase_id=claim(wallet).pk)
    stripe.clear_faults()
    assert purchase.state == "submitted"
    return purchase


def unconfirmed(wallet, stripe):
    """Made at Stripe, which never heard of its confirmation."""
    stripe.fault(kind="reset_before", path=CONFIRM, times=2)
    purchase = purchases.drive(purchase_id=claim(wallet).pk)
    stripe.clear_faults()
    assert purchase.state == "submitted"
    return purchase


@pytest.fixture
def waiting(stripe):
    """Another account's purchase, of which Stripe has not heard."""
    wallet = make_wallet(credit="8.00")
    add_card(stripe, wallet)
    set_auto_recharge(wallet, threshold=10, amount=20)
    return claim(wallet)


def resolve(purchase):
    return resolving.resolve(purchase_id=purchase.pk)


def kept(purchase):
    row = Purchase.objects.get(pk=purchase.pk)
    return row.state, row.quarantine_reason, bool(row.quarantined_at)


@SILENCE
def test_an_open_purchase_stays_in_quarantine_while_stripe_gives_no_answer(low, stripe, kind):
    purchase = submitted(low, stripe)
    rows.quarantine(purchase.pk, "The facts differ.")
    stripe.fault(kind=kind, path=r"/v1/payment_intents/[^/]+", method="GET", times=9)

    with pytest.raises(GatewayUnreachable, match="Nothing was changed"):
        resolve(purchase)

    assert kept(purchase) == ("submitted", "The facts differ.", True)
    assert credit(low) == 8


@SILENCE
def test_a_closed_purchase_stays_in_quarantine_while_stripe_gives_no_answer(low, stripe, kind):
    purchase = purchases.drive(purchase_id=claim(low).pk)
    rows.quarantine(purchase.pk, "Paid twice?")
    stripe.fault(kind=kind, path=r"/v1/payment_intents/[^/]+", method="GET", times=9)

    with pytest.raises(GatewayUnreachable, match="Nothing was changed"):
        resolve(purchase)

    assert kept(purchase) == ("succeeded", "Paid twice?", True)


def test_without_an_answer_nothing_is_said_to_have_been_asked(low, stripe):
    purchase = submitted(low, stripe)
    stripe.fault(kind="reset_before", path=r"/v1/payment_intents/[^/]+", method="GET", times=9)

    with pytest.raises(GatewayUnreachable):
        resolve(purchase)

    assert kept(purchase) == ("submitted", "", False)


def test_a_purchase_whose_facts_agree_leaves_quarantine_and_is_credited_once(low, stripe):
    purchase = submitted(low, stripe)
    rows.quarantine(purchase.pk, "The facts differ.")

    for _ in range(2):
        assert resolve(purchase).state == "succeeded"

    assert kept(purchase) == ("succeeded", "", False)
    assert credit(low) == Decimal("58.00")


def test_a_purchase_whose_facts_still_differ_never_leaves_quarantine(low, stripe, monkeypatch):
    purchase = submitted(low, stripe)
    rows.quarantine(purchase.pk, "The facts differ.")
    real = gateway.retrieve_intent
    monkeypatch.setattr(gateway, "retrieve_intent", lambda **ask: replace(real(**ask), amount=1))

    found = resolve(purchase)

    assert (found.state, bool(found.quarantined_at)) == ("submitted", True)
    assert found.quarantine_reason.startswith("Ours: (5000,")
    assert credit(low) == 8
    assert StaffAlert.objects.filter(kind="purchase_quarantined").count() == 1


def test_one_that_nobody_knows_at_stripe_is_tried_again_once_it_is_released(low):
    purchase = claim(low)
    rows.quarantine(purchase.pk, "Idempotency key reused.")

    found = resolve(purchase)

    assert (found.state, found.quarantined_at) == ("succeeded", None)
    assert credit(low) == Decimal("58.00")


def test_one_without_an_intent_stays_in_quarantine_while_stripe_gives_no_answer(low, stripe):
    purchase = claim(low)
    rows.quarantine(purchase.pk, "Idempotency key reused.")
    stripe.fault(kind="reset_before", path="/v1/payment_intents", method="GET", times=9)

    with pytest.raises(GatewayUnreachable, match="Nothing was changed"):
        resolve(purchase)

    assert kept(purchase) == ("created", "Idempotency key reused.", True)


def test_what_stripe_was_never_asked_to_charge_is_not_asked_about(low):
    purchase = claim(low)
    rows.close_without_intent(purchase.pk, "canceled")

    with pytest.raises(Refused, match="never asked to charge"):
        resolve(purchase)

    assert kept(purchase) == ("canceled", "", False)


def test_one_purchase_is_looked_into_apart_from_another(low, stripe, waiting):
    found = resolve(submitted(low, stripe))

    assert (found.state, credit(low)) == ("succeeded", Decimal("58.00"))
    assert kept(waiting) == ("created", "", False)


def test_what_is_not_paid_is_given_up_at_stripe_and_here_apart_from_another(low, stripe, waiting):
    purchase = unconfirmed(low, stripe)

    found = resolving.give_up(purchase_id=purchase.pk)

    [intent] = stripe.truth()["payment_intents"]
    assert (found.pk, found.state, intent["status"]) == (purchase.pk, "canceled", "canceled")
    assert kept(waiting) == ("created", "", False)
    assert credit(low) == 8


def test_giving_up_what_stripe_took_credits_it(low, stripe):
    purchase = submitted(low, stripe)

    found = resolving.give_up(purchase_id=purchase.pk)

    assert (found.state, taken(stripe)) == ("succeeded", [5000])
    assert credit(low) == Decimal("58.00")


@SILENCE
def test_nothing_is_given_up_while_stripe_gives_no_answer(low, stripe, kind):
    purchase = unconfirmed(low, stripe)
    stripe.fault(kind=kind, path=CANCEL, times=9)

    with pytest.raises(GatewayUnreachable, match="Nothing was changed"):
        resolving.give_up(purchase_id=purchase.pk)

    [intent] = stripe.truth()["payment_intents"]
    assert kept(purchase) == ("submitted", "", False)
    assert intent["status"] == "requires_confirmation"
    assert credit(low) == 8


def test_what_has_ended_is_not_given_up(low):
    purchase = purchases.drive(purchase_id=claim(low).pk)

    with pytest.raises(Refused, match="It has ended already: paid."):
        resolving.give_up(purchase_id=purchase.pk)

    assert kept(purchase) == ("succeeded", "", False)
    assert credit(low) == Decimal("58.00")


@pytest.mark.parametrize("look_into", [resolving.resolve, resolving.give_up])
def test_what_stripe_does_not_know_is_refused_in_its_own_words(low, stripe, look_into):
    purchase = claim(low)
    low.purchases.update(state="submitted", submitted_at=clock.now(), payment_intent="pi_1")

    with pytest.raises(Refused, match="Nothing was changed. It says: No such payment_intent"):
        look_into(purchase_id=purchase.pk)

    assert kept(purchase) == ("submitted", "", False)
    assert (credit(low), taken(stripe)) == (8, [])


def test_giving_up_what_stripe_refuses_to_cancel_is_not_remembered_as_given_up(low):
    purchase = claim(low)
    low.purchases.update(state="submitted", submitted_at=clock.now(), payment_intent="pi_1")

    with pytest.raises(Refused, match="Nothing was changed"):
        resolving.give_up(purchase_id=purchase.pk)

    assert (kept(purchase), Purchase.objects.get().given_up_at) == (("submitted", "", False), None)


@SILENCE
def test_giving_up_without_an_answer_is_remembered_because_it_may_have_worked(low, stripe, kind):
    purchase = unconfirmed(low, stripe)
    stripe.fault(kind=kind, path=CANCEL, times=9)

    with pytest.raises(GatewayUnreachable):
        resolving.give_up(purchase_id=purchase.pk)

    assert Purchase.objects.get().given_up_at is not None
