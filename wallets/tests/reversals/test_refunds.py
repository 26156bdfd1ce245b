from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.db import connection

from accounts import clock
from accounts.models import Notification, StaffAlert
from accounts.tests.builders import make_user
from wallets.errors import FormReused, InvalidAmount, Refused
from wallets.models import AutoRecharge, Reversal
from wallets.recharges import auto_recharge
from wallets.reversals import disputes, refunds
from wallets.reversals import pots as reversal_pots
from wallets.stripe import answers, gateway
from wallets.tests.worlds.at_once import after_the_first_look
from wallets.tests.worlds.builders import set_auto_recharge
from wallets.tests.worlds.reversal_world import (
    buy,
    dispute,
    drive,
    nothing_moved,
    pots,
    refund,
    refunded_at_stripe,
    refunded_outside,
)

pytestmark = pytest.mark.django_db


def test_the_entry_is_posted_when_decided_and_stripe_is_told_next(wallet, stripe):
    purchase = buy(wallet)
    person = make_user()

    reversal = refunds.refund(
        purchase_id=purchase.pk, amount_cents=2000, actor=person, reason="Sorry", form_key="1"
    )

    assert pots(wallet) == (Decimal("30"), 0, 0)
    assert refunded_at_stripe(stripe) == 0
    entry = reversal.entries.get()
    assert (entry.kind, entry.actor, entry.note) == ("refund", person, "Sorry")
    assert (entry.purchase, entry.reversal) == (purchase, reversal)
    assert drive(reversal) == "succeeded"
    assert refunded_at_stripe(stripe) == 2000
    assert pots(wallet) == (Decimal("30"), 0, 0)


def test_an_event_finds_the_refund_whose_driver_stores_its_id_in_between(wallet, stripe):
    reversal = refund(buy(wallet), 2000)
    stripe.fault(kind="reset_after", path="/v1/refunds", method="POST", times=2)
    drive(reversal)
    [found] = gateway.list_refunds(intent_id=reversal.purchase.payment_intent)
    found["status"] = "failed"

    with after_the_first_look(
        "wallets_reversal", lambda: Reversal.objects.update(stripe_id=found["id"])
    ):
        assert refunds.settle_refund_from(found=found) == reversal

    assert Reversal.objects.count() == 1


def test_a_refund_costs_one_call_and_says_at_stripe_whose_it_is(wallet, stripe):
    reversal = refund(buy(wallet), 2000)
    stripe.clear_requests()

    drive(reversal)

    reversal.refresh_from_db()
    assert reversal.closed_at
    assert [one["method"] for one in stripe.requests(path="/v1/")] == ["POST"]
    assert gateway.retrieve_refund(refund_id=reversal.stripe_id)["metadata"] == {
        "reversal": str(reversal.pk),
        "purchase": str(reversal.purchase_id),
    }


def test_a_refund_with_a_final_answer_is_not_asked_about_again(wallet, stripe):
    reversal = refund(buy(wallet), 2000)
    drive(reversal)
    stripe.clear_requests()

    assert drive(reversal) == "succeeded"

    assert stripe.requests(path="/v1/") == []


def test_stripe_is_told_after_the_commit(wallet, nudges, django_capture_on_commit_callbacks):
    purchase = buy(wallet)

    with django_capture_on_commit_callbacks(execute=True):
        reversal = refund(purchase, 2000)

    assert ("wallets.drive_refund", (str(reversal.pk),)) in nudges


def test_the_same_form_refunds_once(wallet):
    purchase = buy(wallet)

    first = refund(purchase, 2000, form_key="form")
    second = refund(purchase, 2000, form_key="form")

    assert first == second
    assert pots(wallet)[0] == Decimal("30")
    with pytest.raises(FormReused):
        refund(purchase, 1000, form_key="form")
    assert pots(wallet)[0] == Decimal("30")


def test_one_refund_is_open_at_a_time(wallet):
    purchase = buy(wallet)
    refund(purchase, 1000)

    with pytest.raises(Refused, match="Another refund of this payment is on its way"):
        refund(purchase, 1000)

    assert pots(wallet)[0] == Decimal("40")


@pytest.mark.parametrize("cents", [0, -1, 5001, 10.5, True])
def test_amounts_out_of_range_are_refused(wallet, cents):
    purchase = buy(wallet)

    with pytest.raises(InvalidAmount):
        refund(purchase, cents)

    assert nothing_moved(purchase)


def test_a_reason_is_required(wallet):
    purchase = buy(wallet)

    with pytest.raises(InvalidAmount) as refusal:
        refunds.refund(
            purchase_id=purchase.pk, amount_cents=100, actor=None, reason="  ", form_key="1"
        )

    assert refusal.value.fields == {"reason": "Say why."}
    assert nothing_moved(purchase)


def test_of_a_long_reason_the_beginning_is_kept(wallet):
    reversal = refunds.refund(
        purchase_id=buy(wallet).pk, amount_cents=100, actor=None, reason="x" * 201, form_key="1"
    )

    assert reversal.reason == "x" * 200


def test_a_declined_purchase_cannot_be_refunded(wallet, stripe):
    stripe.set_card(wallet.default_payment_method, behaviour={"decline_code": "generic_decline"})
    purchase = buy(wallet)

    with pytest.raises(Refused, match="Only a paid purchase"):
        refund(purchase, 100)

    assert reversal_pots.refundable(purchase).cents == 0
    assert nothing_moved(purchase)


def test_a_refund_suspends_auto_recharge_so_that_the_money_is_not_charged_again(wallet):
    purchase = buy(wallet)
    set_auto_recharge(wallet, threshold=10, amount=50)

    refund(purchase, 4500)

    assert AutoRecharge.objects.get(wallet=wallet).suspended_reason == "refunded"
    assert auto_recharge.run(wallet_id=wallet.pk).code == "suspended"
    assert pots(wallet)[0] == Decimal("5")


def test_refunding_an_allocation_leaves_the_sub_accounts_auto_recharge_alone(allocated):
    set_auto_recharge(allocated.sub.wallet)
    [purchase] = allocated.purchases()

    refund(purchase, 1600)

    assert not AutoRecharge.objects.exclude(suspended_reason="").exists()


def test_the_payer_is_told_of_each_refund(wallet):
    purchase = buy(wallet)

    drive(refund(purchase, 2000))
    refund(purchase, 500)

    told = Notification.objects.filter(kind="refund", account=wallet.account)
    first, second = told.order_by("pk")
    assert first.text == (
        "$20.00 of a payment of $50.00 goes back to Visa •••• 4242. "
        "Banks take 5 to 10 days to show it."
    )
    assert second.text.startswith("$5.00 of a payment of $50.00")
    assert first.data == second.data == {"purchase": str(purchase.pk)}


@pytest.mark.parametrize("kind", ["reset_before", "reset_after", "500_after", "429"])
def test_a_lost_answer_ends_with_exactly_one_refund(wallet, stripe, kind):
    reversal = refund(buy(wallet), 2000)
    stripe.fault(kind=kind, path="/v1/refunds", method="POST", times=2)

    assert drive(reversal) == "submitted"
    assert list(refunds.WAITING.take()) == []
    with clock.at(clock.now() + timedelta(minutes=1)):
        assert list(refunds.WAITING.take()) == [reversal.pk]
    stripe.clear_faults()
    assert drive(reversal) == "succeeded"
    assert drive(reversal) == "succeeded"

    assert refunded_at_stripe(stripe) == 2000
    assert pots(wallet)[0] == Decimal("30")
    assert list(refunds.WAITING.take()) == []


def test_a_lost_answer_is_found_again_after_stripe_forgot_the_key(wallet, stripe):
    purchase = buy(wallet)
    reversal = refund(purchase, 2000)
    stripe.fault(kind="reset_after", path="/v1/refunds", method="POST", times=2)
    drive(reversal)
    refunded_outside(purchase, 500)

    stripe.advance(25 * 3600)
    assert drive(reversal) == "succeeded"

    assert refunded_at_stripe(stripe) == 2500


def test_a_pending_refund_is_asked_for_by_its_id_whatever_became_of_its_metadata(wallet, stripe):
    reversal = refund(buy(wallet), 2000)
    stripe.fault(kind="processing", path="/v1/refunds", method="POST")
    drive(reversal)
    reversal.refresh_from_db()
    gateway._stripe().refunds.update(reversal.stripe_id, {"metadata": {"reversal": ""}})

    stripe.advance(25 * 3600)
    assert drive(reversal) == "submitted"

    assert refunded_at_stripe(stripe) == 2000


def test_a_refund_made_before_our_database_was_restored_is_found_and_not_put_back(wallet, stripe):
    purchase = buy(wallet)
    reversal = refund(purchase, 5000)
    made = refunded_outside(purchase, 5000, reversal=str(reversal.pk))

    assert drive(reversal) == "succeeded"

    reversal.refresh_from_db()
    assert reversal.stripe_id == made["id"]
    assert refunded_at_stripe(stripe) == 5000
    assert pots(wallet)[0] == Decimal(0)


def test_while_stripe_refuses_our_key_a_refund_stays_open_and_support_is_told(
    wallet, stripe, settings
):
    reversal = refund(buy(wallet), 2000)
    right, settings.STRIPE_SECRET_KEY = settings.STRIPE_SECRET_KEY, "of_nobody"

    assert [drive(reversal), drive(reversal)] == ["submitted", "submitted"]

    alert = StaffAlert.objects.get(kind="refund")
    assert alert.text.startswith(f"Stripe refuses refund {reversal.pk}: ")
    assert pots(wallet)[0] == Decimal("30")
    settings.STRIPE_SECRET_KEY = right
    assert drive(reversal) == "succeeded"
    assert refunded_at_stripe(stripe) == 2000


def test_refunds_whose_keys_were_used_for_others_are_told_to_support_each(wallet, stripe):
    waiting = [refund(buy(wallet), 2000), refund(buy(wallet), 2000)]
    for reversal in waiting:
        gateway.create_refund(
            key=f"{reversal.pk}:refund",
            intent_id=reversal.purchase.payment_intent,
            amount=100,
            metadata={},
        )

    assert [drive(reversal) for reversal in waiting] == ["submitted", "submitted"]

    assert StaffAlert.objects.filter(kind="refund").count() == 2
    assert refunded_at_stripe(stripe) == 200


def test_the_sweep_takes_refunds_older_than_thirty_seconds_and_no_disputes(wallet, stripe):
    now = clock.now()
    with clock.at(now):
        reversal = refund(buy(wallet), 2000)
        disputes.apply_dispute(dispute_id=dispute(stripe, buy(wallet)))

    with clock.at(now + timedelta(seconds=30)):
        assert list(refunds.WAITING.take()) == []
    with clock.at(now + timedelta(seconds=31)):
        assert list(refunds.WAITING.take()) == [reversal.pk]
        drive(reversal)
        assert list(refunds.WAITING.take()) == []


@pytest.mark.parametrize("error", [answers.Declined, answers.StateChanged])
def test_however_stripe_refuses_for_good_the_refund_is_put_back(wallet, monkeypatch, error):
    reversal = refund(buy(wallet), 2000)

    def refuse(**asked):
        raise error("No refund for this card.")

    monkeypatch.setattr(gateway, "create_refund", refuse)

    assert drive(reversal) == "failed"

    assert pots(wallet)[0] == Decimal("50")


def test_what_stripe_will_never_do_is_put_back_and_support_is_told(wallet, stripe):
    reversal = refund(buy(wallet, 50, "premium"), 2000)
    stripe.call("POST", "disputes", {"payment_intent": reversal.purchase.payment_intent})

    assert drive(reversal) == "failed"

    assert pots(wallet) == (Decimal(0), 18750, 0)
    reversal.refresh_from_db()
    assert "charged back" in reversal.error_text
    alert = StaffAlert.objects.get(kind="refund")
    assert alert.text == f"Refund {reversal.pk} failed: {reversal.error_text}"
    assert {e.kind for e in reversal.entries.all()} == {"refund", "refund_failed"}


def test_a_refund_the_bank_sends_back_later_is_put_back_once(wallet, stripe):
    purchase = buy(wallet)
    reversal = refund(purchase, 2000)
    drive(reversal)
    reversal.refresh_from_db()
    stripe.set_refund(reversal.stripe_id, "failed")

    for _ in range(2):
        settled = refunds.settle_refund(refund_id=reversal.stripe_id)

    assert (settled.state, settled.error_text) == ("failed", "lost_or_stolen_card")
    assert settled.closed_at > reversal.closed_at
    assert pots(wallet)[0] == Decimal("50")
    assert reversal_pots.refundable(purchase).cents == 5000
    told = Notification.objects.get(kind="refund_failed", account=wallet.account)
    assert told.data == {"purchase": str(purchase.pk)}
    assert StaffAlert.objects.filter(kind="refund").count() == 1


def test_refunds_that_fail_are_told_each(wallet, stripe):
    for _ in range(2):
        reversal = refund(buy(wallet), 2000)
        drive(reversal)
        reversal.refresh_from_db()
        stripe.set_refund(reversal.stripe_id, "failed")
        refunds.settle_refund(refund_id=reversal.stripe_id)

    assert Notification.objects.filter(kind="refund_failed").count() == 2
    assert StaffAlert.objects.filter(kind="refund").count() == 2


def test_a_refund_canceled_at_stripe_is_put_back(wallet, stripe):
    reversal = refund(buy(wallet), 2000)
    stripe.fault(kind="processing", path="/v1/refunds", method="POST")
    drive(reversal)
    reversal.refresh_from_db()
    found = gateway.retrieve_refund(refund_id=reversal.stripe_id)

    settled = refunds.settle_refund_from(found=found | {"status": "canceled"})

    assert (settled.state, settled.error_text) == ("failed", "canceled")
    assert pots(wallet)[0] == Decimal("50")


def test_a_refund_that_was_put_back_and_then_paid_is_left_to_support(wallet, stripe):
    waiting = [refund(buy(wallet), 2000), refund(buy(wallet), 2000)]
    for reversal in waiting:
        disputed = dispute(stripe, reversal.purchase)
        assert drive(reversal) == "failed"
        stripe.move_dispute(disputed, "win")
    assert pots(wallet)[0] == Decimal("100")

    for reversal in waiting:
        late = refunded_outside(reversal.purchase, 2000, reversal=str(reversal.pk))
        for _ in range(2):
            assert refunds.settle_refund(refund_id=late["id"]).state == "failed"

    assert pots(wallet)[0] == Decimal("100")
    told = StaffAlert.objects.filter(text__endswith="was put back, but Stripe says succeeded.")
    assert told.count() == 2


def test_a_refund_that_was_paid_stays_paid_while_stripe_says_pending_again(wallet, stripe):
    reversal = refund(buy(wallet), 2000)
    drive(reversal)
    reversal.refresh_from_db()
    stripe.set_refund(reversal.stripe_id, "pending")

    settled = refunds.settle_refund(refund_id=reversal.stripe_id)

    assert (settled.state, settled.closed_at) == ("succeeded", reversal.closed_at)


@pytest.mark.parametrize(("cents", "of_another"), [(1999, False), (2000, True)])
def test_a_refund_at_stripe_that_differs_from_ours_settles_nothing_and_is_told(
    wallet, cents, of_another
):
    waiting = [refund(buy(wallet), 2000), refund(buy(wallet), 2000)]
    other = buy(wallet)
    for reversal in waiting:
        purchase = other if of_another else reversal.purchase
        made = refunded_outside(purchase, cents, reversal=str(reversal.pk))
        for _ in range(2):
            settled = refunds.settle_refund(refund_id=made["id"])
        assert (settled.pk, settled.state, settled.stripe_id) == (reversal.pk, "created", None)

    assert pots(wallet)[0] == Decimal("110")
    assert Reversal.objects.count() == 2
    told = StaffAlert.objects.filter(kind="refund").order_by("pk")
    assert [one.text.partition(":")[0] for one in told] == [f"Refund {r.pk}" for r in waiting]


def test_an_event_that_is_faster_than_our_own_answer_settles_the_same_row(wallet, stripe):
    reversal = refund(buy(wallet), 2000)
    stripe.fault(kind="reset_after", path="/v1/refunds", method="POST", times=2)
    drive(reversal)
    [found] = gateway.list_refunds(intent_id=reversal.purchase.payment_intent)

    settled = refunds.settle_refund(refund_id=found["id"])

    assert (settled.pk, settled.state, settled.stripe_id) == (
        reversal.pk,
        "succeeded",
        found["id"],
    )
    assert Reversal.objects.count() == 1
    assert pots(wallet)[0] == Decimal("30")


def test_a_pending_refund_stays_open_until_stripe_says(wallet, stripe):
    reversal = refund(buy(wallet), 2000)
    stripe.fault(kind="processing", path="/v1/refunds", method="POST")

    assert drive(reversal) == "submitted"
    reversal.refresh_from_db()
    assert reversal.closed_at is None
    stripe.set_refund(reversal.stripe_id, "succeeded")
    assert drive(reversal) == "succeeded"
    reversal.refresh_from_db()
    assert reversal.closed_at


def test_a_refund_made_in_stripes_dashboard_is_imported_once(wallet):
    purchase = buy(wallet)
    outside = refunded_outside(purchase, 1500)

    for _ in range(2):
        reversal = refunds.settle_refund(refund_id=outside["id"])

    assert Reversal.objects.get() == reversal
    assert (reversal.state, reversal.amount_cents, reversal.reason) == (
        "succeeded",
        1500,
        "Refunded at Stripe",
    )
    assert reversal.closed_at
    assert pots(wallet)[0] == Decimal("35")


def test_a_refund_that_failed_before_we_heard_of_it_moves_nothing(wallet, stripe):
    purchase = buy(wallet)
    outside = refunded_outside(purchase, 1500)
    stripe.set_refund(outside["id"], "failed")

    assert refunds.settle_refund(refund_id=outside["id"]) is None

    assert nothing_moved(purchase)


@pytest.mark.parametrize("names", ["one of ours", "none of ours", "garbage"])
def test_a_refund_that_only_looks_like_ours_is_imported_by_itself(wallet, names):
    waiting = refund(buy(wallet, 20), 500)
    purchase = buy(wallet)
    ours = refund(purchase, 1000)
    drive(ours)
    named = {"one of ours": str(ours.pk), "none of ours": str(uuid4())}.get(names, names)
    outside = refunded_outside(purchase, 1500, reversal=named)

    imported = refunds.settle_refund(refund_id=outside["id"])

    assert (imported.stripe_id, imported.amount_cents) == (outside["id"], 1500)
    assert set(Reversal.objects.values_list("pk", "state")) == {
        (waiting.pk, "created"),
        (ours.pk, "succeeded"),
        (imported.pk, "succeeded"),
    }
    assert pots(wallet)[0] == Decimal(70 - 5 - 10 - 15)
    assert not StaffAlert.objects.exists()


# --- Somebody else is faster: what they did just before our statement is not done again.


@contextmanager
def just_before(statement, act):
    waiting = [act]

    def watched(execute, sql, *more):
        if waiting and sql.startswith(statement):
            waiting.pop()()
        return execute(sql, *more)

    with connection.execute_wrapper(watched):
        yield
    assert not waiting


def test_a_refund_that_failed_meanwhile_is_not_opened_again_by_a_slower_driver(wallet, stripe):
    purchase = buy(wallet)
    reversal = refund(purchase, 2000)

    def fail():
        drive(reversal)
        reversal.refresh_from_db()
        stripe.set_refund(reversal.stripe_id, "failed")
        refunds.settle_refund(refund_id=reversal.stripe_id)

    with just_before('UPDATE "wallets_reversal"', fail):
        assert drive(reversal) == "failed"

    assert pots(wallet)[0] == Decimal("50")
    assert reversal_pots.refundable(purchase).cents == 5000


def test_a_refund_that_two_drivers_see_refused_is_put_back_once(wallet, stripe):
    reversal = refund(buy(wallet), 2000)
    dispute(stripe, reversal.purchase)
    closed_at = []

    def refused():
        assert drive(reversal) == "failed"
        closed_at.append(Reversal.objects.get().closed_at)

    with just_before('UPDATE "wallets_reversal"', refused):
        assert drive(reversal) == "failed"

    assert [Reversal.objects.get().closed_at] == closed_at
    assert pots(wallet)[0] == Decimal("50")


def test_a_refund_that_another_driver_made_meanwhile_is_not_put_back(wallet, stripe, monkeypatch):
    reversal = refund(buy(wallet), 2000)

    def refuse(**asked):
        monkeypatch.undo()
        raise answers.Impossible("The balance does not suffice.")

    monkeypatch.setattr(gateway, "create_refund", refuse)

    with just_before("SAVEPOINT", lambda: drive(reversal)):
        assert drive(reversal) == "succeeded"

    assert refunded_at_stripe(stripe) == 2000
    assert pots(wallet)[0] == Decimal("30")


def test_a_refund_made_at_stripe_that_two_events_tell_is_imported_once(wallet):
    outside = refunded_outside(buy(wallet), 1500)
    first = []

    def settle():
        first.append(refunds.settle_refund(refund_id=outside["id"]))

    with just_before('SELECT "wallets_purchase"', settle):
        assert [refunds.settle_refund(refund_id=outside["id"])] == first

    assert Reversal.objects.count() == 1
    assert pots(wallet)[0] == Decimal("35")
