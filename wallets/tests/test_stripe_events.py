import hashlib
import hmac
import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal

import pytest
from django.conf import settings
from django.db import connection

from accounts import clock
from accounts.models import StaffAlert
from wallets import auto_recharge, gateway, payment_methods, purchases, stripe_events
from wallets.models import StripeEvent
from wallets.stripe_events import EventRefused
from wallets.tests.builders import add_card, make_wallet, set_auto_recharge

pytestmark = pytest.mark.django_db


def event(kind="payment_intent.succeeded", found=None, *, event_id="evt_1", **facts):
    body = {
        "id": event_id,
        "object": "event",
        "type": kind,
        "livemode": False,
        "api_version": settings.STRIPE_API_VERSION,
        "data": {"object": found or {"id": "pi_1", "object": "payment_intent"}},
        **facts,
    }
    return json.dumps(body).encode()


def signed(payload, *, at=None, secret=None):
    moment = int(at if at is not None else time.time())
    key = (secret or settings.STRIPE_WEBHOOK_SECRET).encode()
    digest = hmac.new(key, f"{moment}.".encode() + payload, hashlib.sha256).hexdigest()
    return f"t={moment},v1={digest}"


def receive(payload):
    return stripe_events.record(payload=payload, signature=signed(payload))


def test_a_signed_event_is_stored_once_and_its_task_nudged(
    nudges, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        first = receive(event())
        second = receive(event())

    assert first.pk == second.pk
    assert nudges == [("wallets.apply_event", (first.pk,))]


@pytest.mark.parametrize(
    "signature",
    [
        lambda payload: "",
        lambda payload: "t=1,v1=abc",
        lambda payload: signed(payload, secret="whsec_wrong"),
        lambda payload: signed(payload, at=time.time() - 3600),
        lambda payload: signed(payload, at=time.time() + 36_000),
        lambda payload: signed(payload + b" "),
        lambda payload: "garbage",
    ],
    ids=["none", "bad", "other secret", "an hour old", "in the future", "other body", "garbage"],
)
def test_an_event_that_stripe_did_not_sign_lately_is_refused(signature):
    payload = event()

    with pytest.raises(EventRefused):
        stripe_events.record(payload=payload, signature=signature(payload))

    assert not StripeEvent.objects.exists()


@pytest.mark.parametrize("payload", [b"\xff\xfe", b"[]", b"null", b"{}", b"[" * 5000, b""])
def test_a_signed_body_that_is_no_event_is_refused(payload):
    with pytest.raises(EventRefused):
        receive(payload)

    assert not StripeEvent.objects.exists()


def test_an_event_of_live_mode_is_refused_with_a_test_key():
    with pytest.raises(EventRefused, match="other mode"):
        receive(event(livemode=True))

    assert not StripeEvent.objects.exists()


@pytest.fixture
def paid_but_unanswered(stripe):
    """A purchase Stripe has taken the money for, though our process never heard."""
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet)
    set_auto_recharge(wallet)
    stripe.fault(
        kind="reset_after", path=r"/v1/payment_intents/[^/]+/confirm", method="POST", times=9
    )
    auto_recharge.run(wallet_id=wallet.pk)
    stripe.clear_faults()
    return wallet.purchases.get()


def test_an_event_settles_what_our_own_answer_missed(paid_but_unanswered):
    purchase = paid_but_unanswered
    row = receive(event(found={"id": purchase.payment_intent, "object": "payment_intent"}))

    assert stripe_events.apply(event_pk=row.pk)
    assert not stripe_events.apply(event_pk=row.pk)

    purchase.refresh_from_db()
    assert purchase.state == "succeeded"
    purchase.wallet.refresh_from_db()
    assert purchase.wallet.credit.amount == Decimal(58)


def test_two_events_about_one_charge_credit_once(paid_but_unanswered):
    purchase = paid_but_unanswered
    found = {"id": purchase.payment_intent, "object": "payment_intent"}
    for number, kind in enumerate(["payment_intent.processing", "payment_intent.succeeded"]):
        row = receive(event(kind, found, event_id=f"evt_{number}"))
        stripe_events.apply(event_pk=row.pk)

    purchase.wallet.refresh_from_db()
    assert purchase.wallet.credit.amount == Decimal(58)
    assert purchase.wallet.entries.filter(kind="auto_recharge").count() == 1


def test_an_event_before_we_stored_the_intent_finds_the_purchase_by_its_metadata(stripe):
    wallet = make_wallet(credit="8")
    card = add_card(stripe, wallet)
    set_auto_recharge(wallet)
    _, purchase = auto_recharge.claim(wallet_id=wallet.pk)
    intent = gateway.create_intent(
        key=f"{purchase.pk}:create",
        amount=5000,
        customer=wallet.account.stripe_customer,
        payment_method=card.id,
        metadata={"purchase": str(purchase.pk)},
        description="",
    )
    gateway.confirm_intent(key=f"{purchase.pk}:confirm:1", intent_id=intent.id)

    row = receive(event(found={"id": intent.id, "object": "payment_intent"}))
    stripe_events.apply(event_pk=row.pk)

    purchase.refresh_from_db()
    assert (purchase.state, purchase.payment_intent) == ("succeeded", intent.id)


def test_an_event_lies_without_effect_because_the_object_is_read_again(stripe):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet)
    set_auto_recharge(wallet)
    stripe.set_card(wallet.default_payment_method, behaviour="processing")
    auto_recharge.run(wallet_id=wallet.pk)
    purchase = wallet.purchases.get()

    row = receive(
        event(found={"id": purchase.payment_intent, "status": "succeeded", "amount": 5000})
    )
    stripe_events.apply(event_pk=row.pk)

    purchase.refresh_from_db()
    assert purchase.state == "submitted"


def test_a_poisonous_event_is_retried_then_given_up_and_does_not_stop_others(
    stripe, paid_but_unanswered
):
    poison = receive(event(found={"object": "payment_intent"}, event_id="evt_poison"))
    found = {"id": paid_but_unanswered.payment_intent}
    good = [receive(event(found=found, event_id=f"evt_{number}")).pk for number in range(50)]
    moment = clock.now()
    for attempt in range(12):
        moment += timedelta(hours=3)
        with clock.at(moment):
            for pk in stripe_events.waiting_ids():
                stripe_events.apply(event_pk=pk)
        if attempt == 0:
            applied = StripeEvent.objects.filter(pk__in=good).exclude(applied_at=None)
            assert applied.count() == 50

    poison.refresh_from_db()
    assert poison.given_up_at
    assert poison.attempts == 10
    assert "KeyError" in poison.error
    assert StaffAlert.objects.filter(kind="event_given_up").count() == 1


def test_an_event_of_a_kind_we_do_not_use_is_kept_and_done(stripe):
    row = receive(event("invoice.paid", {"id": "in_1"}))

    assert stripe_events.apply(event_pk=row.pk)


def test_a_card_saved_in_a_window_that_was_closed_still_arrives(stripe):
    wallet = make_wallet()
    customer = payment_methods.ensure_customer(account=wallet.account)
    card = stripe.add_card(customer)
    setup = gateway._stripe().setup_intents.create(
        {"customer": customer, "payment_method": card["id"], "confirm": True,
         "payment_method_types": ["card"]}
    )  # fmt: skip

    row = receive(event("setup_intent.succeeded", {"id": setup.id, "object": "setup_intent"}))
    stripe_events.apply(event_pk=row.pk)

    assert [card.label for card in payment_methods.cards(wallet.account)] == ["Visa •••• 4242"]


def test_a_card_detached_at_stripe_leaves_the_wallet(stripe):
    wallet = make_wallet()
    card = add_card(stripe, wallet)
    gateway.detach_card(card_id=card.id)

    row = receive(event("payment_method.detached", {"id": card.id, "object": "payment_method"}))
    stripe_events.apply(event_pk=row.pk)

    wallet.refresh_from_db()
    assert wallet.default_payment_method == ""
    assert payment_methods.cards(wallet.account) == []


@pytest.mark.django_db(transaction=True)
def test_an_event_delivered_ten_times_at_once_credits_once(stripe):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet)
    set_auto_recharge(wallet)
    stripe.fault(
        kind="reset_after", path=r"/v1/payment_intents/[^/]+/confirm", method="POST", times=9
    )
    auto_recharge.run(wallet_id=wallet.pk)
    stripe.clear_faults()
    intent = wallet.purchases.get().payment_intent

    def deliver(_):
        try:
            row = receive(event(found={"id": intent}))
            stripe_events.apply(event_pk=row.pk)
            purchases.settle(payment_intent=intent)
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=10) as pool:
        list(pool.map(deliver, range(10)))

    wallet.refresh_from_db()
    assert StripeEvent.objects.count() == 1
    assert wallet.credit.amount == 58
    assert wallet.entries.filter(kind="auto_recharge").count() == 1
