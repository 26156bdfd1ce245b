"""Events in every order: what goes back is taken after it was credited, and never forgotten."""

from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from itertools import permutations

import pytest
from django.db import transaction

from accounts import clock
from accounts.models import StaffAlert
from wallets import inbox
from wallets.books import checking
from wallets.charging import purchases, rows
from wallets.models import Reversal, StripeEvent
from wallets.recharges import auto_recharge
from wallets.reversals import catching_up
from wallets.stripe import gateway
from wallets.tests.test_inbox import event, receive
from wallets.tests.worlds.builders import add_card, make_wallet, set_auto_recharge, stranger_pays
from wallets.tests.worlds.purchases import taken_and_not_stored
from wallets.tests.worlds.reversal_world import buy, make_wallet_with_card, refunded_outside

pytestmark = [pytest.mark.django_db, pytest.mark.journey]

CONFIRM = r"/v1/payment_intents/[^/]+/confirm"


@pytest.fixture
def paid(stripe):
    """Stripe took $50 for a wallet that held $8; nobody told us."""
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet)
    set_auto_recharge(wallet)
    stripe.fault(kind="reset_after", path=CONFIRM, method="POST", times=9)
    auto_recharge.run(wallet_id=wallet.pk)
    stripe.clear_faults()
    return wallet.purchases.get()


def tell(kind, found):
    """The event is received and worked on at once. Returns its row as it is then."""
    row = receive(event(kind, found, event_id=f"evt_{StripeEvent.objects.count()}"))
    inbox.apply(event_pk=row.pk)
    row.refresh_from_db()
    return row


def refunded(purchase, cents=1500):
    return gateway.create_refund(
        key="outside", intent_id=purchase.payment_intent, amount=cents, metadata={}
    )


def play(order, purchase, found):
    for step in order:
        if step == "settle":
            purchases.drive(purchase_id=purchase.pk)
        elif step.startswith("payment_intent"):
            tell(step, {"id": purchase.payment_intent})
        else:
            tell(step, {"id": found["id"]})


def credit(purchase):
    purchase.wallet.refresh_from_db()
    return purchase.wallet.credit.amount


REFUND = ("settle", "payment_intent.succeeded", "refund.created", "refund.updated")
DISPUTE = (
    "settle",
    "payment_intent.succeeded",
    "charge.dispute.created",
    "charge.dispute.funds_withdrawn",
)


@pytest.mark.parametrize("length", [2, 4])
@pytest.mark.parametrize("kind", ["refund", "dispute"])
def test_in_every_order_of_events_and_our_own_settling_the_same_is_taken(
    paid, stripe, kind, length, subtests
):
    found = refunded(paid) if kind == "refund" else stripe.dispute(paid.payment_intent, amount=1500)
    steps = REFUND if kind == "refund" else DISPUTE
    told = {order for order in permutations(steps, length) if set(order) & set(steps[2:])}
    for order in sorted(told):
        with subtests.test(order=order), undone():
            play(order, paid, found)

            assert credit(paid) == Decimal(43)
            assert Reversal.objects.get().amount_cents == 1500
            assert StripeEvent.objects.filter(applied_at=None).count() == 0
            assert checking.check_all() == []


@contextmanager
def undone():
    before = transaction.savepoint()
    yield
    transaction.savepoint_rollback(before)


def test_an_early_refund_found_without_any_event_credits_first(paid):
    refunded(paid)

    assert catching_up.catch_up(since=clock.now() - timedelta(hours=1)) == 1

    assert credit(paid) == Decimal(43)


def test_what_must_wait_keeps_no_other_from_being_caught_up(paid, stripe, caplog):
    rows.quarantine(paid.pk, "Support looks at it.")
    refunded(paid)
    other = buy(make_wallet_with_card(stripe))
    refunded_outside(other, 2000)

    assert catching_up.catch_up(since=clock.now() - timedelta(hours=1)) == 1

    assert "is in quarantine: it must be credited first" in caplog.text
    assert [row.purchase for row in Reversal.objects.all()] == [other]


@pytest.mark.parametrize("kind", ["refund.created", "charge.dispute.created"])
def test_while_its_purchase_is_in_quarantine_it_waits_and_applies_once_that_is_released(
    paid, stripe, kind
):
    found = refunded(paid) if "refund" in kind else stripe.dispute(paid.payment_intent, amount=1500)
    rows.quarantine(paid.pk, "Support looks at it.")

    row = tell(kind, {"id": found["id"]})

    assert (row.applied_at, row.given_up_at, row.attempts) == (None, None, 1)
    assert "is in quarantine: it must be credited first" in row.error
    assert credit(paid) == Decimal(8)
    with rows.locked(paid.pk) as (purchase, _wallet):
        rows.release(purchase)
    with clock.at(row.next_attempt_at):
        assert inbox.apply(event_pk=row.pk)
    assert credit(paid) == Decimal(43)


def test_what_can_never_be_credited_first_is_given_up_with_an_alert(paid):
    found = refunded(paid)
    rows.quarantine(paid.pk, "Support looks at it.")
    row = tell("refund.created", {"id": found["id"]})
    moment = clock.now()

    for _ in range(12):
        moment += timedelta(hours=3)
        with clock.at(moment):
            inbox.apply(event_pk=row.pk)

    row.refresh_from_db()
    assert (row.attempts, row.applied_at, bool(row.given_up_at)) == (10, None, True)
    assert StaffAlert.objects.filter(kind="event_given_up").count() == 1
    assert credit(paid) == Decimal(8)


def test_without_stripes_answer_about_the_payment_it_waits(paid, stripe):
    found = refunded(paid)
    stripe.fault(kind="500_before", path="/v1/payment_intents", times=9)

    row = tell("refund.created", {"id": found["id"]})

    assert row.applied_at is None
    assert row.error.startswith("Unknown: ")
    assert not Reversal.objects.exists()


def test_a_refund_before_we_stored_the_intent_finds_the_purchase_by_its_metadata(stripe):
    purchase, intent = taken_and_not_stored(stripe)
    purchase.payment_intent = intent
    found = refunded(purchase)

    row = tell("refund.created", {"id": found["id"]})

    assert row.applied_at
    assert credit(purchase) == Decimal(43)


@pytest.mark.parametrize("kind", ["payment_intent.succeeded", "refund.created", "charge.dispute.x"])
def test_events_about_strangers_payments_are_kept_marked_and_done(paid, stripe, kind):
    intent = stranger_pays(stripe)
    found = {"id": intent}
    if "refund" in kind:
        found = gateway.create_refund(key="theirs", intent_id=intent, amount=500, metadata={})
    elif "dispute" in kind:
        found = stripe.dispute(intent)

    row = tell(kind, {"id": found["id"], "payment_intent": intent})

    assert (bool(row.applied_at), row.not_ours, row.attempts) == (True, True, 1)
    assert credit(paid) == Decimal(8)


def test_an_inquiry_about_our_payment_moves_nothing_and_is_ours(paid, stripe):
    found = stripe.dispute(paid.payment_intent, status="warning_needs_response")

    row = tell("charge.dispute.created", {"id": found["id"], "payment_intent": paid.payment_intent})

    assert (bool(row.applied_at), row.not_ours) == (True, False)
    assert credit(paid) == Decimal(58)
    assert not Reversal.objects.exists()


@pytest.mark.usefixtures("stripe")
@pytest.mark.parametrize(
    "kind", ["payment_intent.succeeded", "refund.created", "charge.dispute.created"]
)
def test_an_object_stripe_does_not_know_is_asked_for_three_times(kind):
    row = tell(kind, {"id": "xx_of_another_account"})
    seen = [(row.attempts, row.applied_at, row.not_ours)]
    for _ in range(4):
        with clock.at(row.next_attempt_at):
            inbox.apply(event_pk=row.pk)
        row.refresh_from_db()
        seen.append((row.attempts, bool(row.applied_at), row.not_ours))

    assert seen[:2] == [(1, None, False), (2, False, False)]
    assert seen[2:] == [(3, True, True)] * 3
    assert row.error.startswith("Impossible: No such")
    assert not StaffAlert.objects.exists()


def test_our_own_payment_that_stripe_does_not_know_is_not_taken_for_a_strangers(paid, monkeypatch):
    def missing(**asked):
        raise inbox.answers.Impossible("No such payment_intent", code="resource_missing")

    monkeypatch.setattr(gateway, "retrieve_intent", missing)
    row = tell("payment_intent.succeeded", {"id": paid.payment_intent})
    for _ in range(3):
        with clock.at(row.next_attempt_at):
            inbox.apply(event_pk=row.pk)
        row.refresh_from_db()

    assert (row.attempts, row.applied_at, row.not_ours) == (4, None, False)
