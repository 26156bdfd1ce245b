"""Purchases, refunds, disputes and events: every way out."""

import pytest

from accounts import clock
from accounts.runtime.queues import TRIES
from tests.waiting.ways import later, post, recharge, support, tick, waits_for, way_out
from wallets import inbox, tasks
from wallets.charging import purchases, rows
from wallets.models import Purchase, Reversal, StripeEvent
from wallets.reversals.disputes import apply_dispute
from wallets.tests.worlds.builders import BANK_ASKS_CARD, add_card, make_wallet
from wallets.tests.worlds.purchases import CONFIRM, claim
from wallets.tests.worlds.reversal_world import buy, dispute, refund, refunded_outside

pytestmark = [pytest.mark.django_db, pytest.mark.journey, pytest.mark.usefixtures("nudges")]

PURCHASE = "wallets.purchase"


class Killed(BaseException):
    """The process dies here."""


def kill() -> None:
    raise Killed


def state_of(row: Purchase | Reversal) -> str:
    row.refresh_from_db()
    return row.state


@pytest.fixture
def created(low):
    """Decided, and the process died before Stripe heard of it."""
    purchase = claim(low)
    assert waits_for("purchase_created")
    yield purchase
    assert not waits_for("purchase_created")


@pytest.fixture
def unknown(low, stripe):
    """Confirmed at Stripe, and the answer got lost."""
    stripe.fault(kind="reset_after", path=CONFIRM, times=2)
    stripe.fault(kind="reset_before", path=r"/v1/payment_intents/[^/]+", method="GET", times=2)
    purchase = purchases.drive(purchase_id=claim(low).pk)
    stripe.clear_faults()
    with later(minutes=1):
        assert waits_for("purchase")
    assert waits_for("purchase_unknown")
    yield purchase
    with later(minutes=1):
        assert not waits_for("purchase")
    assert not waits_for("purchase_unknown")


@pytest.fixture
def unconfirmed(low, stripe):
    """Made at Stripe, which never heard of its confirmation."""
    stripe.fault(kind="reset_before", path=CONFIRM, times=2)
    purchase = purchases.drive(purchase_id=claim(low).pk)
    stripe.clear_faults()
    assert waits_for("purchase_unknown")
    yield purchase
    assert not waits_for("purchase_unknown")


@pytest.fixture
def at_bank(stripe):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet, BANK_ASKS_CARD)
    recharge(wallet)
    assert waits_for("purchase_at_bank")
    yield Purchase.objects.get()
    assert not waits_for("purchase_at_bank")


# --- Purchases.


@way_out("purchase_created", by="customer", how="recharging by hand")
def test_a_recharge_by_hand_takes_over_a_purchase_that_stripe_never_heard_of(created, low):
    recharge(low)

    assert state_of(created) == "canceled"


@way_out("purchase_created", by="support", how="Ask Stripe")
def test_asking_stripe_drives_on_a_purchase_that_it_never_heard_of(created):
    support(PURCHASE, "resolve", created.pk)

    assert state_of(created) == "succeeded"


@way_out("purchase_created", by="support", how="Cancel")
def test_support_cancels_a_purchase_that_stripe_never_heard_of(created):
    support(PURCHASE, "give_up", created.pk)

    assert state_of(created) == "canceled"


@way_out("purchase_created", by="time", how="driven on")
def test_the_sweep_drives_on_a_purchase_whose_process_died(created):
    with later(minutes=1):
        tick()

    assert state_of(created) == "succeeded"


@way_out("purchase_created", by="time", how="canceled after 15 minutes")
def test_a_purchase_that_was_never_made_is_canceled_after_15_minutes(created):
    with later(minutes=16):
        tick()

    assert state_of(created) == "canceled"


@way_out("purchase", "purchase_unknown", by="support", how="Ask Stripe")
def test_asking_stripe_ends_a_purchase_whose_answer_was_lost(unknown):
    support(PURCHASE, "resolve", unknown.pk)

    assert state_of(unknown) == "succeeded"


@way_out("purchase", "purchase_unknown", by="time", how="Stripe's answer")
def test_the_sweep_asks_for_an_answer_that_was_lost(unknown):
    with later(minutes=1):
        tick()

    assert state_of(unknown) == "succeeded"


@way_out("purchase_unknown", by="support", how="Cancel")
def test_support_cancels_a_purchase_that_was_not_confirmed(unconfirmed):
    support(PURCHASE, "give_up", unconfirmed.pk)

    assert state_of(unconfirmed) == "canceled"


@way_out("purchase_unknown", by="time", how="canceled after 15 minutes")
def test_a_purchase_that_was_not_confirmed_is_canceled_after_15_minutes(unconfirmed):
    with later(minutes=16):
        tick()

    assert state_of(unconfirmed) == "canceled"


@way_out("purchase_at_bank", by="customer", how="confirming")
def test_the_customer_confirms_with_the_bank(at_bank, stripe):
    post(at_bank.payer, "wallets:purchase_confirm", at_bank.pk)
    stripe.answer_bank(at_bank.payment_intent)
    with later(minutes=1):
        tick()

    assert state_of(at_bank) == "succeeded"


@way_out("purchase_at_bank", by="customer", how="canceling")
def test_the_customer_cancels_what_waits_for_the_bank(at_bank):
    post(at_bank.payer, "wallets:purchase_cancel", at_bank.pk)

    assert state_of(at_bank) == "canceled"


@way_out("purchase_at_bank", by="support", how="Cancel")
def test_support_cancels_what_waits_for_the_bank(at_bank):
    support(PURCHASE, "give_up", at_bank.pk)

    assert state_of(at_bank) == "canceled"


@way_out("purchase_at_bank", by="time", how="canceled after 24 hours")
def test_the_link_to_the_bank_ends_after_24_hours(at_bank):
    with later(hours=24, minutes=1):
        tick()

    assert state_of(at_bank) == "canceled"


@way_out("purchase_quarantined", by="support", how="Ask Stripe")
def test_asking_stripe_ends_a_quarantine_when_the_facts_agree(unknown):
    rows.quarantine(unknown.pk, "The facts differ.")
    assert waits_for("purchase_quarantined")

    support(PURCHASE, "resolve", unknown.pk)

    assert not waits_for("purchase_quarantined")


# --- What killed ten workers.


def kill_ten(purchase):
    for _ in range(TRIES):
        with pytest.raises(Killed):
            purchases.OPEN.attempt(purchase.pk, kill, tell=print)
    purchases.OPEN.attempt(purchase.pk, kill, tell=print)
    assert waits_for("resting")


@way_out("resting", by="support", how="Ask Stripe")
def test_asking_stripe_does_at_once_what_was_left_alone_for_a_day(created):
    kill_ten(created)

    support(PURCHASE, "resolve", created.pk)

    assert state_of(created) == "succeeded"
    assert not waits_for("resting")


@way_out("resting", by="time", how="one more try after a day")
def test_what_killed_ten_workers_has_one_more_try_after_a_day(created):
    kill_ten(created)

    with later(hours=24, minutes=1):
        tick()

    assert state_of(created) == "canceled"
    assert not waits_for("resting")


# --- Refunds and disputes.


@pytest.fixture
def paid(stripe):
    wallet = make_wallet()
    add_card(stripe, wallet)
    return buy(wallet)


@pytest.fixture
def refunding(paid):
    reversal = refund(paid, 5000)
    with later(minutes=1):
        assert waits_for("refund")
    yield reversal
    with later(minutes=1):
        assert not waits_for("refund")


@way_out("refund", by="support", how="Ask Stripe")
def test_asking_stripe_sends_a_refund_that_rests(refunding):
    support("wallets.reversal", "ask", refunding.pk)

    assert state_of(refunding) == "succeeded"


@way_out("refund", by="time", how="Stripe's answer")
def test_the_sweep_sends_a_refund_whose_message_was_lost(refunding):
    with later(minutes=1):
        tick()

    assert state_of(refunding) == "succeeded"


@way_out("refund", by="time", how="put back when Stripe refuses")
def test_a_refund_that_stripe_refuses_is_put_back(refunding, paid):
    refunded_outside(paid, 5000)

    with later(minutes=1):
        tick()

    assert state_of(refunding) == "failed"


@pytest.fixture
def disputed(paid, stripe):
    reversal = apply_dispute(dispute_id=dispute(stripe, paid))
    assert waits_for("dispute")
    stripe.move_dispute(reversal.stripe_id, "lose")
    yield reversal
    assert state_of(reversal) == "succeeded"
    assert not waits_for("dispute")


@way_out("dispute", by="support", how="Ask Stripe")
def test_asking_stripe_ends_a_dispute_whose_events_were_lost(disputed):
    support("wallets.reversal", "ask", disputed.pk)


@way_out("dispute", by="time", how="the bank's decision")
def test_a_dispute_ends_with_the_banks_decision(disputed):
    event("charge.dispute.closed", {"id": disputed.stripe_id})

    tick()


@way_out("dispute", by="time", how="asked for each night")
def test_a_decision_that_no_event_told_is_asked_for_at_night(disputed):  # noqa: ARG001
    tasks.nightly()


# --- Events.


def event(kind, found):
    return StripeEvent.objects.create(
        event_id=f"evt_{StripeEvent.objects.count()}",
        type=kind,
        payload={"data": {"object": found}},
    )


def try_until_given_up():
    """Half a day of ticks, each after the longest wait of its try."""
    for number in range(11):
        with later(seconds=15 * 2**number + number):
            tick()


@way_out("event", by="time", how="applied")
def test_an_event_whose_message_was_lost_is_applied_by_the_sweep(unknown):
    event("payment_intent.succeeded", {"id": unknown.payment_intent})
    assert waits_for("event")

    tick()

    assert not waits_for("event")


@way_out("event", by="time", how="not ours after three tries")
def test_an_event_about_nothing_we_or_stripe_know_is_none_of_ours(stripe):  # noqa: ARG001
    event("payment_intent.succeeded", {"id": "pi_none"})
    assert waits_for("event")

    try_until_given_up()

    assert StripeEvent.objects.get().not_ours
    with later(days=1):
        assert not waits_for("event")


@way_out("event", by="time", how="given up after ten tries")
@way_out("event", "event_given_up", by="support", how="Apply again")
def test_an_event_that_fails_is_given_up_and_applied_again_once_it_can_be(unknown, monkeypatch):
    failing = event("payment_intent.succeeded", {"id": unknown.payment_intent})
    with monkeypatch.context() as broken:
        broken.setattr(inbox, "_act", lambda _: 1 // 0)
        try_until_given_up()
    assert waits_for("event_given_up")
    with later(days=1):
        assert not waits_for("event")

    support("wallets.stripeevent", "apply_again", failing.pk)
    tick()

    assert not waits_for("event_given_up")
    assert StripeEvent.objects.get().applied_at <= clock.now()
