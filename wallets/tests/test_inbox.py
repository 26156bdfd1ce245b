import hashlib
import hmac
import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import requests
import time_machine
from django.conf import settings
from django.db import connection

from accounts import clock
from accounts.models import StaffAlert
from wallets import inbox
from wallets.cards import customers, keeping, payment_methods
from wallets.charging import purchases
from wallets.errors import Refused
from wallets.inbox import EventRefused
from wallets.models import StripeEvent, Wallet
from wallets.recharges import auto_recharge, by_hand
from wallets.stripe import gateway
from wallets.tests.worlds.builders import GOOD_CARD, add_card, make_wallet, set_auto_recharge
from wallets.tests.worlds.purchases import taken_and_not_stored

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
    return inbox.record(payload=payload, signature=signed(payload))


def test_a_signed_event_is_stored_once_and_its_task_nudged(
    nudges, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        first = receive(event())
    assert nudges == [("wallets.apply_event", (first.pk,))]

    with django_capture_on_commit_callbacks(execute=True):
        second = receive(event())

    assert first.pk == second.pk
    assert len(nudges) == 1


@pytest.mark.parametrize(
    ("signature", "told"),
    [
        (lambda payload: "", 0),
        (lambda payload: "t=1,v1=abc", 0),
        (lambda payload: signed(payload, secret="whsec_wrong"), 0),
        (lambda payload: signed(payload, at=time.time() - 3600), 2),
        (lambda payload: signed(payload, at=time.time() + 36_000), 2),
        (lambda payload: signed(payload + b" "), 0),
        (lambda payload: "garbage", 0),
    ],
    ids=["none", "bad", "other secret", "an hour old", "in the future", "other body", "garbage"],
)
def test_an_event_that_stripe_did_not_sign_lately_is_refused(signature, told):
    """Clocks that differ are told once an hour."""
    payload, now = event(), clock.now()

    for moment in (now, now, now + timedelta(hours=1)):
        with clock.at(moment), pytest.raises(EventRefused):
            inbox.record(payload=payload, signature=signature(payload))

    assert not StripeEvent.objects.exists()
    assert StaffAlert.objects.filter(kind="clocks_differ").count() == told


@pytest.mark.parametrize(("seconds", "accepted"), [(300, True), (301, False)])
@pytest.mark.parametrize("sign", [1, -1])
def test_an_event_may_be_signed_five_minutes_before_or_after_now(seconds, accepted, sign):
    payload = event()
    with time_machine.travel(datetime(2026, 11, 22, tzinfo=UTC), tick=False):
        signature = signed(payload, at=time.time() - sign * seconds)
        if accepted:
            inbox.record(payload=payload, signature=signature)
        else:
            with pytest.raises(EventRefused):
                inbox.record(payload=payload, signature=signature)

    assert StripeEvent.objects.exists() is accepted


@pytest.mark.parametrize(
    "payload",
    [
        *(b"\xff\xfe", b"[]", b"null", b"{}", b"[" * 5000, b""),
        *(b'{"id": 1, "type": "x"}', b'{"id": "evt_1", "type": null}'),
    ],
)
def test_a_signed_body_that_is_no_event_is_refused(payload):
    with pytest.raises(EventRefused):
        receive(payload)

    assert not StripeEvent.objects.exists()


def test_of_names_longer_than_stripes_the_beginning_is_kept():
    first = receive(event("x" * 101, event_id="e" * 256))
    second = receive(event("x" * 101, event_id="e" * 256))

    assert first == second
    assert (first.type, first.event_id) == ("x" * 100, "e" * 255)


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

    assert inbox.apply(event_pk=row.pk)
    assert not inbox.apply(event_pk=row.pk)

    purchase.refresh_from_db()
    assert purchase.state == "succeeded"
    purchase.wallet.refresh_from_db()
    assert purchase.wallet.credit.amount == Decimal(58)


def test_two_events_about_one_charge_credit_once(paid_but_unanswered):
    purchase = paid_but_unanswered
    found = {"id": purchase.payment_intent, "object": "payment_intent"}
    for number, kind in enumerate(["payment_intent.processing", "payment_intent.succeeded"]):
        row = receive(event(kind, found, event_id=f"evt_{number}"))
        inbox.apply(event_pk=row.pk)

    purchase.wallet.refresh_from_db()
    assert purchase.wallet.credit.amount == Decimal(58)
    assert purchase.wallet.entries.filter(kind="auto_recharge").count() == 1


def test_an_event_before_we_stored_the_intent_finds_the_purchase_by_its_metadata(stripe):
    purchase, intent = taken_and_not_stored(stripe)

    row = receive(event(found={"id": intent, "object": "payment_intent"}))
    inbox.apply(event_pk=row.pk)

    purchase.refresh_from_db()
    assert (purchase.state, purchase.payment_intent) == ("succeeded", intent)


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
    inbox.apply(event_pk=row.pk)

    purchase.refresh_from_db()
    assert purchase.state == "submitted"


def test_a_poisonous_event_is_retried_then_given_up_and_does_not_stop_others(paid_but_unanswered):
    poisonous = poison()
    found = {"id": paid_but_unanswered.payment_intent}
    good = [receive(event(found=found, event_id=f"evt_{number}")).pk for number in range(50)]
    moment = clock.now()
    for attempt in range(12):
        moment += timedelta(hours=3)
        with clock.at(moment):
            for pk in inbox.WAITING.take():
                inbox.apply(event_pk=pk)
        if attempt == 0:
            applied = StripeEvent.objects.filter(pk__in=good).exclude(applied_at=None)
            assert applied.count() == 50

    poisonous.refresh_from_db()
    assert poisonous.given_up_at
    assert poisonous.attempts == 10
    assert "KeyError" in poisonous.error
    assert StaffAlert.objects.filter(kind="event_given_up").count() == 1


def poison(event_id="evt_poison"):
    return receive(event(found={"object": "payment_intent"}, event_id=event_id))


def test_waits_double_from_fifteen_seconds_and_are_each_events_own():
    row, other = poison(), receive(event(event_id="evt_other"))
    now = clock.now()

    for attempt, wait in enumerate([15, 30, 60], start=1):
        with clock.at(now):
            assert row.pk in list(inbox.WAITING.take())
            assert not inbox.apply(event_pk=row.pk)
            assert not inbox.apply(event_pk=row.pk)
            assert row.pk not in list(inbox.WAITING.take())
        row.refresh_from_db()
        now += timedelta(seconds=wait)
        assert (row.attempts, row.next_attempt_at, row.given_up_at) == (attempt, now, None)

    untouched = StripeEvent.objects.get(pk=other.pk)
    assert (untouched.attempts, untouched.error, untouched.applied_at) == (0, "", None)


def test_an_event_that_works_at_last_keeps_no_error(paid_but_unanswered, stripe):
    row = receive(event(found={"id": paid_but_unanswered.payment_intent}))
    other = receive(event(event_id="evt_other"))
    stripe.fault(kind="500_before", path="/v1/payment_intents", times=9)
    assert not inbox.apply(event_pk=row.pk)
    row.refresh_from_db()
    assert row.error.startswith("Unknown: ")
    stripe.clear_faults()

    with clock.at(clock.now() + timedelta(seconds=15)):
        assert inbox.apply(event_pk=row.pk)

    row.refresh_from_db()
    other.refresh_from_db()
    assert (row.attempts, row.error, bool(row.applied_at)) == (2, "", True)
    assert other.applied_at is None


@pytest.mark.usefixtures("stripe")
def test_of_a_long_error_the_beginning_is_kept():
    row = receive(event(found={"id": f"pi_{'x' * 600}"}))

    inbox.apply(event_pk=row.pk)

    row.refresh_from_db()
    assert row.error.startswith("Impossible: No such payment_intent: 'pi_xxx")
    assert len(row.error) == 500


def give_up(*rows):
    moment = clock.now()
    for _ in range(10):
        moment += timedelta(hours=3)
        with clock.at(moment):
            for row in rows:
                inbox.apply(event_pk=row.pk)
    return moment


def test_events_given_up_are_told_each_and_again_after_support_tried():
    rows = [poison(f"evt_{number}") for number in range(2)]
    give_up(*rows)
    told = StaffAlert.objects.filter(kind="event_given_up").order_by("pk")
    assert [alert.data for alert in told] == [{"event": row.pk} for row in rows]

    with clock.at(clock.now() + timedelta(days=2)):
        inbox.apply_again(event_pk=rows[0].pk)
        give_up(rows[0])

    assert told.all().count() == 3


def test_an_event_given_up_is_applied_again_when_support_asks(
    paid_but_unanswered, stripe, nudges, django_capture_on_commit_callbacks
):
    row = receive(event(found={"id": paid_but_unanswered.payment_intent}))
    other = poison()
    stripe.fault(kind="500_before", path="/v1/payment_intents", times=99)
    give_up(row, other)
    stripe.clear_faults()
    assert list(inbox.WAITING.take()) == []
    nudges.clear()

    with django_capture_on_commit_callbacks(execute=True):
        inbox.apply_again(event_pk=row.pk)

    assert nudges == [("wallets.apply_event", (row.pk,))]
    row.refresh_from_db()
    assert (row.attempts, row.error, row.given_up_at) == (0, "", None)
    assert list(inbox.WAITING.take()) == [row.pk]
    assert inbox.apply(event_pk=row.pk)
    with pytest.raises(Refused, match="applied already"):
        inbox.apply_again(event_pk=row.pk)
    assert StripeEvent.objects.get(pk=other.pk).attempts == 10


def test_for_how_long_the_oldest_event_is_overdue_is_known():
    now = clock.now()
    with clock.at(now):
        assert inbox.WAITING.oldest_overdue() == timedelta(0)
    for minutes in (1, 5, 3):
        with clock.at(now - timedelta(minutes=minutes)):
            receive(event(event_id=f"evt_{minutes}"))

    with clock.at(now):
        assert inbox.WAITING.oldest_overdue() == timedelta(minutes=5)
        oldest_first = list(inbox.WAITING.take())

    by_id = StripeEvent.objects.in_bulk(oldest_first)
    assert [by_id[pk].event_id for pk in oldest_first] == ["evt_5", "evt_3", "evt_1"]


@pytest.mark.parametrize(
    "kind", ["refund.created", "refund.updated", "charge.refund.updated", "charge.dispute.created"]
)
def test_refunds_and_disputes_made_at_stripe_are_followed_by_their_events(stripe, kind):
    wallet = make_wallet()
    add_card(stripe, wallet)
    purchase = by_hand.recharge(
        wallet_id=wallet.pk, actor=None, amount=Decimal(50), buys="credit", form_key="1"
    )
    if "dispute" in kind:
        found = stripe.dispute(purchase.payment_intent, amount=1500)
    else:
        found = gateway.create_refund(
            key="dashboard", intent_id=purchase.payment_intent, amount=1500, metadata={}
        )

    row = receive(event(kind, {"id": found["id"]}))
    assert inbox.apply(event_pk=row.pk)

    wallet.refresh_from_db()
    assert wallet.credit.amount == 35
    assert purchase.reversals.get().stripe_id == found["id"]


@pytest.mark.usefixtures("stripe")
def test_an_event_of_a_kind_we_do_not_use_is_kept_and_done():
    row = receive(event("invoice.paid", {"id": "in_1"}))

    assert inbox.apply(event_pk=row.pk)


def test_a_card_saved_in_a_window_that_was_closed_still_arrives(stripe):
    wallet = make_wallet()
    customer = customers.ensure(account=wallet.account)
    card = stripe.add_card(customer)
    setup = gateway._stripe().setup_intents.create(
        {
            "customer": customer,
            "payment_method": card["id"],
            "confirm": True,
            "payment_method_types": ["card"],
        }
    )

    row = receive(event("setup_intent.succeeded", {"id": setup.id, "object": "setup_intent"}))
    inbox.apply(event_pk=row.pk)

    assert [card.label for card in payment_methods.cards(wallet.account)] == ["Visa •••• 4242"]


@pytest.mark.usefixtures("stripe")
def test_a_hosted_page_that_was_closed_at_the_end_still_saves_its_card():
    wallet = make_wallet()
    url = keeping.start_adding(
        account=wallet.account,
        success_url="http://testserver/?session={CHECKOUT_SESSION_ID}",
        cancel_url="http://testserver/",
    )
    found = {"id": url.rsplit("/", 1)[-1], "object": "checkout.session"}
    row = receive(event("checkout.session.completed", found))
    assert inbox.apply(event_pk=row.pk)
    assert payment_methods.cards(wallet.account) == []

    requests.post(url, {"number": GOOD_CARD}, allow_redirects=False, timeout=20)
    row = receive(event("checkout.session.completed", found, event_id="evt_2"))
    assert inbox.apply(event_pk=row.pk)

    assert [card.label for card in payment_methods.cards(wallet.account)] == ["Visa •••• 4242"]


@pytest.mark.parametrize("customer", ["a stranger", "nobody"])
def test_a_card_saved_for_somebody_else_is_nobodys_of_ours(stripe, customer):
    wallet, without_customer = make_wallet(), make_wallet()
    customers.ensure(account=wallet.account)
    stranger = gateway.create_customer(key="s", name="A stranger", email="", metadata={})
    card = stripe.add_card(stranger)
    facts = {"payment_method_types": ["card"], "payment_method": card["id"], "confirm": True}
    setup = gateway._stripe().setup_intents.create(
        facts | {"customer": stranger} if customer == "a stranger" else {}
    )

    row = receive(event("setup_intent.succeeded", {"id": setup.id, "object": "setup_intent"}))
    assert inbox.apply(event_pk=row.pk)

    for one in (wallet, without_customer):
        one.refresh_from_db()
        assert one.default_payment_method == ""
        assert payment_methods.cards(one.account) == []


def test_a_card_its_bank_renewed_is_shown_as_it_is_now(stripe):
    wallet = make_wallet()
    card = add_card(stripe, wallet, exp_year=2030)
    stripe.set_card(card.id, exp_year=2034)

    row = receive(event("payment_method.automatically_updated", {"id": card.id}))
    assert inbox.apply(event_pk=row.pk)

    wallet.refresh_from_db()
    assert [card.exp_year for card in payment_methods.cards(wallet.account)] == [2034]
    assert wallet.default_payment_method == card.id


def test_a_card_stripe_knows_no_more_is_charged_no_more(stripe):
    wallet, other = make_wallet(), make_wallet()
    add_card(stripe, other)
    Wallet.objects.filter(pk=wallet.pk).update(default_payment_method="pm_gone")

    row = receive(event("payment_method.detached", {"id": "pm_gone"}))
    assert inbox.apply(event_pk=row.pk)

    wallet.refresh_from_db()
    assert wallet.default_payment_method == ""
    assert len(payment_methods.cards(other.account)) == 1


def test_a_customer_deleted_at_stripe_has_no_cards_here(stripe):
    wallet, other = make_wallet(), make_wallet()
    for one in (wallet, wallet, other):
        add_card(stripe, one)
    deleted = {"id": wallet.account.stripe_customer, "object": "customer"}
    row = receive(event("customer.deleted", deleted))
    assert inbox.apply(event_pk=row.pk)
    assert len(payment_methods.cards(wallet.account)) == 2  # It is still there: the event lied.

    gateway._stripe().customers.delete(deleted["id"])
    for number, found in enumerate([deleted, {"id": "cus_stranger"}]):
        row = receive(event("customer.deleted", found, event_id=f"evt_deleted_{number}"))
        assert inbox.apply(event_pk=row.pk)

    wallet.refresh_from_db()
    assert (wallet.default_payment_method, payment_methods.cards(wallet.account)) == ("", [])
    assert len(payment_methods.cards(other.account)) == 1


def test_a_card_detached_at_stripe_leaves_the_wallet(stripe):
    wallet = make_wallet()
    card = add_card(stripe, wallet)
    gateway.detach_card(card_id=card.id)

    row = receive(event("payment_method.detached", {"id": card.id, "object": "payment_method"}))
    inbox.apply(event_pk=row.pk)

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
            inbox.apply(event_pk=row.pk)
            purchases.settle(payment_intent=intent)
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=10) as pool:
        list(pool.map(deliver, range(10)))

    wallet.refresh_from_db()
    assert StripeEvent.objects.count() == 1
    assert wallet.credit.amount == 58
    assert wallet.entries.filter(kind="auto_recharge").count() == 1


def test_of_two_workers_with_one_event_the_second_leaves_it_alone(monkeypatch):
    row, applied = receive(event()), []
    monkeypatch.setattr(purchases, "settle", lambda **facts: applied.append(facts))
    queryset = type(StripeEvent.objects.all())
    update = queryset.update

    def while_another_claims(self, **facts):
        monkeypatch.setattr(queryset, "update", update)
        assert inbox._claim(row.pk)
        return update(self, **facts)

    monkeypatch.setattr(queryset, "update", while_another_claims)

    assert not inbox.apply(event_pk=row.pk)

    assert applied == []
    row.refresh_from_db()
    assert row.attempts == 1
