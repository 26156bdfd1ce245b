from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.db import connection

from accounts import clock
from accounts.models import Notification, StaffAlert
from accounts.tests.builders import make_user
from wallets import auto_recharge, books, disputes, gateway, recharges, refunds, reversals
from wallets.errors import FormReused, InvalidAmount, Refused
from wallets.models import AutoRecharge, Reversal, Wallet
from wallets.tests import histories
from wallets.tests.allocation_world import make_world, moment
from wallets.tests.builders import (
    add_card,
    fill,
    make_wallet,
    pay,
    set_auto_recharge,
    stranger_pays,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def wallet(stripe):
    wallet = make_wallet()
    add_card(stripe, wallet)
    return wallet


def buy(wallet, amount=50, buys="credit"):
    return recharges.recharge(
        wallet_id=wallet.pk,
        actor=None,
        amount=Decimal(amount),
        buys=buys,
        form_key=str(uuid4()),
    )


def refund(purchase, cents, form_key=None, **facts):
    return reversals.refund(
        purchase_id=purchase.pk,
        amount_cents=cents,
        actor=None,
        reason="Asked for it back",
        form_key=form_key or str(uuid4()),
        **facts,
    )


def pots(wallet):
    wallet = Wallet.objects.get(pk=wallet.pk)
    return wallet.credit.amount, wallet.premium_seconds, wallet.basic_seconds


def refunded_outside(purchase, cents, **metadata):
    """A refund made at Stripe, not by us."""
    return gateway.create_refund(
        key=f"outside:{uuid4()}",
        intent_id=purchase.payment_intent,
        amount=cents,
        metadata=metadata,
    )


def refunded_at_stripe(stripe):
    return sum(one["amount_refunded"] for one in stripe.truth()["payment_intents"])


def drive(reversal):
    return reversals.drive_refund(reversal_id=reversal.pk).state


def nothing_moved(purchase):
    return not Reversal.objects.exists() and not purchase.entries.filter(amount__lt=0).exists()


# --- Refunds.


def test_the_entry_is_posted_when_decided_and_stripe_is_told_next(wallet, stripe):
    purchase = buy(wallet)
    person = make_user()

    reversal = reversals.refund(
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


def test_stripe_is_told_after_the_commit(
    wallet, stripe, nudges, django_capture_on_commit_callbacks
):
    purchase = buy(wallet)

    with django_capture_on_commit_callbacks(execute=True):
        reversal = refund(purchase, 2000)

    assert ("wallets.drive_refund", (str(reversal.pk),)) in nudges


def test_a_refund_takes_unused_minutes_first_and_the_rest_from_credit(wallet, stripe):
    purchase = buy(wallet, 50, "premium")
    assert pots(wallet) == (Decimal(0), 18750, 0)
    fill(wallet, premium=-15000)

    reversal = refund(purchase, 2000)

    # 3,750 seconds are left, worth $10.00; the other $10.00 are owed.
    assert pots(wallet) == (Decimal("-10"), 0, 0)
    assert {(e.pot, e.amount) for e in reversal.entries.all()} == {
        ("premium", Decimal(-3750)),
        ("credit", Decimal("-10")),
    }


def test_only_as_many_seconds_go_as_the_money_bought(wallet, stripe):
    purchase = buy(wallet, 50, "premium")

    refund(purchase, 1600)

    assert pots(wallet) == (Decimal(0), 18750 - 6000, 0)


def test_a_single_unused_second_is_taken_at_what_it_cost(wallet, stripe):
    purchase = buy(wallet, 50, "premium")
    fill(wallet, premium=-18749)

    refund(purchase, 2000)

    assert pots(wallet) == (Decimal("-19.997333"), 0, 0)


def test_less_than_a_second_is_taken_from_credit(wallet, stripe):
    purchase = buy(wallet, 50, "premium")

    refund(purchase, 1)

    # A cent is 3.75 seconds; three of them are worth $0.008.
    assert pots(wallet) == (Decimal("-0.002"), 18750 - 3, 0)


def test_minutes_of_other_purchases_are_not_taken(wallet, stripe):
    purchase = buy(wallet, 50, "credit")
    fill(wallet, premium=6000, basic=6000)

    refund(purchase, 5000)

    assert pots(wallet) == (Decimal(0), 6000, 6000)


def test_a_full_refund_leaves_nothing_not_even_the_fraction(wallet, stripe):
    purchase = buy(wallet, 50, "basic")
    assert pots(wallet) == (Decimal("0.000500"), 0, 33333)

    refund(purchase, 5000)

    assert pots(wallet) == (Decimal(0), 0, 0)


def test_two_part_refunds_together_are_at_most_the_purchase(wallet, stripe):
    purchase = buy(wallet)
    drive(refund(purchase, 3000))

    with pytest.raises(InvalidAmount) as refusal:
        refund(purchase, 2001)

    assert refusal.value.fields == {"amount": "Refund between $0.01 and $20.00."}
    assert pots(wallet)[0] == Decimal("20")
    assert drive(refund(purchase, 2000)) == "succeeded"
    with pytest.raises(InvalidAmount, match="Nothing of this purchase is left"):
        refund(purchase, 1)
    assert refunded_at_stripe(stripe) == 5000


def test_the_same_form_refunds_once(wallet, stripe):
    purchase = buy(wallet)

    first = refund(purchase, 2000, form_key="form")
    second = refund(purchase, 2000, form_key="form")

    assert first == second
    assert pots(wallet)[0] == Decimal("30")
    with pytest.raises(FormReused):
        refund(purchase, 1000, form_key="form")
    assert pots(wallet)[0] == Decimal("30")


def test_one_refund_is_open_at_a_time(wallet, stripe):
    purchase = buy(wallet)
    refund(purchase, 1000)

    with pytest.raises(Refused, match="Another refund of this payment is on its way"):
        refund(purchase, 1000)

    assert pots(wallet)[0] == Decimal("40")


@pytest.mark.parametrize("cents", [0, -1, 5001, 10.5, True])
def test_amounts_out_of_range_are_refused(wallet, stripe, cents):
    purchase = buy(wallet)

    with pytest.raises(InvalidAmount):
        refund(purchase, cents)

    assert nothing_moved(purchase)


def test_a_reason_is_required(wallet, stripe):
    purchase = buy(wallet)

    with pytest.raises(InvalidAmount) as refusal:
        reversals.refund(
            purchase_id=purchase.pk, amount_cents=100, actor=None, reason="  ", form_key="1"
        )

    assert refusal.value.fields == {"reason": "Say why."}
    assert nothing_moved(purchase)


def test_of_a_long_reason_the_beginning_is_kept(wallet, stripe):
    reversal = reversals.refund(
        purchase_id=buy(wallet).pk, amount_cents=100, actor=None, reason="x" * 201, form_key="1"
    )

    assert reversal.reason == "x" * 200


def test_a_declined_purchase_cannot_be_refunded(wallet, stripe):
    stripe.set_card(wallet.default_payment_method, behaviour={"decline_code": "generic_decline"})
    purchase = buy(wallet)

    with pytest.raises(Refused, match="Only a paid purchase"):
        refund(purchase, 100)

    assert reversals.refundable(purchase).cents == 0
    assert nothing_moved(purchase)


def test_a_refund_suspends_auto_recharge_so_that_the_money_is_not_charged_again(wallet, stripe):
    purchase = buy(wallet)
    set_auto_recharge(wallet, threshold=10, amount=50)

    refund(purchase, 4500)

    assert AutoRecharge.objects.get(wallet=wallet).suspended_reason == "refunded"
    assert auto_recharge.run(wallet_id=wallet.pk).code == "suspended"
    assert pots(wallet)[0] == Decimal("5")


def test_the_payer_is_told_of_each_refund(wallet, stripe):
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
    assert reversals.open_reversal_ids() == []
    with clock.at(clock.now() + timedelta(minutes=1)):
        assert reversals.open_reversal_ids() == [str(reversal.pk)]
    stripe.clear_faults()
    assert drive(reversal) == "succeeded"
    assert drive(reversal) == "succeeded"

    assert refunded_at_stripe(stripe) == 2000
    assert pots(wallet)[0] == Decimal("30")
    assert reversals.open_reversal_ids() == []


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
        reversals.apply_dispute(dispute_id=dispute(stripe, buy(wallet)))

    with clock.at(now + timedelta(seconds=30)):
        assert reversals.open_reversal_ids() == []
    with clock.at(now + timedelta(seconds=31)):
        assert reversals.open_reversal_ids() == [str(reversal.pk)]
        drive(reversal)
        assert reversals.open_reversal_ids() == []


@pytest.mark.parametrize("error", [gateway.Declined, gateway.StateChanged])
def test_however_stripe_refuses_for_good_the_refund_is_put_back(wallet, stripe, monkeypatch, error):
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


def test_refunds_of_one_wallet_that_fail_are_each_put_back(wallet, stripe):
    refunds = [refund(buy(wallet), 5000) for _ in range(2)]
    for reversal in refunds:
        drive(reversal)
        reversal.refresh_from_db()
        stripe.set_refund(reversal.stripe_id, "failed")
        reversals.settle_refund(refund_id=reversal.stripe_id)

    assert pots(wallet)[0] == Decimal(100)


def test_a_refund_the_bank_sends_back_later_is_put_back_once(wallet, stripe):
    purchase = buy(wallet)
    reversal = refund(purchase, 2000)
    drive(reversal)
    reversal.refresh_from_db()
    stripe.set_refund(reversal.stripe_id, "failed")

    for _ in range(2):
        settled = reversals.settle_refund(refund_id=reversal.stripe_id)

    assert (settled.state, settled.error_text) == ("failed", "lost_or_stolen_card")
    assert settled.closed_at > reversal.closed_at
    assert pots(wallet)[0] == Decimal("50")
    assert reversals.refundable(purchase).cents == 5000
    told = Notification.objects.get(kind="refund_failed", account=wallet.account)
    assert told.data == {"purchase": str(purchase.pk)}
    assert StaffAlert.objects.filter(kind="refund").count() == 1


def test_refunds_that_fail_are_told_each(wallet, stripe):
    for _ in range(2):
        reversal = refund(buy(wallet), 2000)
        drive(reversal)
        reversal.refresh_from_db()
        stripe.set_refund(reversal.stripe_id, "failed")
        reversals.settle_refund(refund_id=reversal.stripe_id)

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
            assert reversals.settle_refund(refund_id=late["id"]).state == "failed"

    assert pots(wallet)[0] == Decimal("100")
    told = StaffAlert.objects.filter(text__endswith="was put back, but Stripe says succeeded.")
    assert told.count() == 2


def test_a_refund_that_was_paid_stays_paid_while_stripe_says_pending_again(wallet, stripe):
    reversal = refund(buy(wallet), 2000)
    drive(reversal)
    reversal.refresh_from_db()
    stripe.set_refund(reversal.stripe_id, "pending")

    settled = reversals.settle_refund(refund_id=reversal.stripe_id)

    assert (settled.state, settled.closed_at) == ("succeeded", reversal.closed_at)


@pytest.mark.parametrize(("cents", "of_another"), [(1999, False), (2000, True)])
def test_a_refund_at_stripe_that_differs_from_ours_settles_nothing_and_is_told(
    wallet, stripe, cents, of_another
):
    waiting = [refund(buy(wallet), 2000), refund(buy(wallet), 2000)]
    other = buy(wallet)
    for reversal in waiting:
        purchase = other if of_another else reversal.purchase
        made = refunded_outside(purchase, cents, reversal=str(reversal.pk))
        for _ in range(2):
            settled = reversals.settle_refund(refund_id=made["id"])
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

    settled = reversals.settle_refund(refund_id=found["id"])

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


def test_a_refund_made_in_stripes_dashboard_is_imported_once(wallet, stripe):
    purchase = buy(wallet)
    outside = refunded_outside(purchase, 1500)

    for _ in range(2):
        reversal = reversals.settle_refund(refund_id=outside["id"])

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

    assert reversals.settle_refund(refund_id=outside["id"]) is None

    assert nothing_moved(purchase)


@pytest.mark.parametrize("names", ["one of ours", "none of ours", "garbage"])
def test_a_refund_that_only_looks_like_ours_is_imported_by_itself(wallet, stripe, names):
    waiting = refund(buy(wallet, 20), 500)
    purchase = buy(wallet)
    ours = refund(purchase, 1000)
    drive(ours)
    named = {"one of ours": str(ours.pk), "none of ours": str(uuid4())}.get(names, names)
    outside = refunded_outside(purchase, 1500, reversal=named)

    imported = reversals.settle_refund(refund_id=outside["id"])

    assert (imported.stripe_id, imported.amount_cents) == (outside["id"], 1500)
    assert set(Reversal.objects.values_list("pk", "state")) == {
        (waiting.pk, "created"),
        (ours.pk, "succeeded"),
        (imported.pk, "succeeded"),
    }
    assert pots(wallet)[0] == Decimal(70 - 5 - 10 - 15)
    assert not StaffAlert.objects.exists()


def test_a_refund_or_a_dispute_of_nobody_we_know_moves_nothing(wallet, stripe):
    purchase = buy(wallet)
    stranger = stranger_pays(stripe)
    outside = gateway.create_refund(key="theirs", intent_id=stranger, amount=1500, metadata={})

    assert reversals.settle_refund(refund_id=outside["id"]) is None
    disputed = stripe.dispute(stranger_pays(stripe))
    assert reversals.apply_dispute(dispute_id=disputed["id"]) is None

    assert nothing_moved(purchase)
    assert pots(wallet)[0] == Decimal("50")


@pytest.mark.parametrize("back", ["refunded", "disputed"])
def test_what_was_paid_but_never_credited_and_goes_back_takes_nothing(wallet, stripe, back):
    """As the runbook says of a purchase in quarantine: refund it at Stripe."""
    intent = pay(stripe, wallet.account.stripe_customer, cents=5000)
    purchase = histories.buy(wallet, state="canceled", payment_intent=intent)

    if back == "refunded":
        outside = refunded_outside(purchase, 5000)
        assert reversals.settle_refund(refund_id=outside["id"]) is None
    else:
        assert reversals.apply_dispute(dispute_id=dispute(stripe, purchase)) is None

    assert nothing_moved(purchase)
    assert pots(wallet)[0] == Decimal(0)
    assert books.check_all() == []


def test_what_no_event_told_is_caught_up(wallet, stripe):
    purchase = buy(wallet)
    since = clock.now() - timedelta(minutes=5)
    refunded_outside(purchase, 1500)
    other = buy(wallet)
    stripe.dispute(other.payment_intent)

    assert reversals.catch_up(since=since) == 2
    assert reversals.catch_up(since=since) == 2

    assert Reversal.objects.count() == 2
    assert pots(wallet)[0] == Decimal("35")


def test_a_refund_is_never_decided_inside_a_transaction_of_its_caller(wallet, stripe):
    from django.db import transaction

    purchase = buy(wallet)

    with pytest.raises(RuntimeError), transaction.atomic():
        refund(purchase, 100)

    assert nothing_moved(purchase)


def test_a_refund_or_a_dispute_moves_nothing_of_another_customer(wallet, stripe):
    other = make_wallet()
    add_card(stripe, other)
    buy(other, 30, "basic")
    theirs = pots(other)
    first, second = buy(wallet, 20), buy(wallet, 50)

    drive(refund(first, 2000))
    disputed = stripe.dispute(second.payment_intent)
    reversals.apply_dispute(dispute_id=disputed["id"])

    assert pots(wallet) == (0, 0, 0)
    assert pots(other) == theirs
    assert Wallet.objects.get(pk=other.pk).blocked_at is None
    assert [one.purchase for one in Reversal.objects.order_by("created_at")] == [first, second]


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
        reversals.settle_refund(refund_id=reversal.stripe_id)

    with just_before('UPDATE "wallets_reversal"', fail):
        assert drive(reversal) == "failed"

    assert pots(wallet)[0] == Decimal("50")
    assert reversals.refundable(purchase).cents == 5000


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


def test_a_refund_made_at_stripe_that_two_events_tell_is_imported_once(wallet, stripe):
    outside = refunded_outside(buy(wallet), 1500)
    first = []

    def settle():
        first.append(reversals.settle_refund(refund_id=outside["id"]))

    with just_before('SELECT "wallets_purchase"', settle):
        assert [reversals.settle_refund(refund_id=outside["id"])] == first

    assert Reversal.objects.count() == 1
    assert pots(wallet)[0] == Decimal("35")


# --- Allocations: the agency's money, the sub-account's minutes.


@pytest.fixture
def allocated(stripe):
    world = make_world(stripe)
    with clock.at(moment("2026-11-14")):
        world.save(basic=500, premium=1000)
    world.run_at("2026-11-14 00:01")
    return world


def test_of_an_allocation_only_unused_minutes_are_refundable(allocated):
    [purchase] = allocated.purchases()
    fill(allocated.sub.wallet, premium=-900 * 60, basic=-500 * 60)

    left = reversals.refundable(purchase)

    assert (left.cents, left.unused) == (1600, {"premium": 6000})
    with pytest.raises(InvalidAmount, match=r"between \$0.01 and \$16.00"):
        refund(purchase, 1601)
    refund(purchase, 1600)
    assert allocated.minutes == (0, 0)
    assert pots(allocated.sub.wallet)[0] == Decimal(0)
    assert pots(allocated.agency.wallet)[0] == Decimal(0)


def test_a_fraction_of_a_cent_of_unused_minutes_is_not_refundable(allocated):
    [purchase] = allocated.purchases()
    # Seven Premium seconds are worth 1.87 cents.
    fill(allocated.sub.wallet, premium=-(60_000 - 7), basic=-500 * 60)

    assert reversals.refundable(purchase).cents == 1


def test_an_allocation_whose_minutes_are_all_used_has_nothing_to_refund(allocated):
    [purchase] = allocated.purchases()
    fill(allocated.sub.wallet, premium=-1000 * 60, basic=-500 * 60)

    with pytest.raises(InvalidAmount, match="Nothing of this purchase is left to refund"):
        refund(purchase, 1)

    assert not purchase.reversals.exists()


def test_a_part_refund_of_an_allocation_takes_whole_seconds_and_no_credit(allocated):
    [purchase] = allocated.purchases()

    refund(purchase, 1)

    # A cent is 3.75 Premium seconds.
    assert pots(allocated.sub.wallet) == (Decimal(0), 60000 - 4, 30000)


def test_refunding_an_allocation_leaves_the_sub_accounts_auto_recharge_alone(allocated):
    set_auto_recharge(allocated.sub.wallet)
    [purchase] = allocated.purchases()

    refund(purchase, 1600)

    assert not AutoRecharge.objects.exclude(suspended_reason="").exists()


def test_what_a_dispute_takes_beyond_unused_minutes_is_charged_to_the_agency(allocated):
    [purchase] = allocated.purchases()
    fill(allocated.sub.wallet, premium=-900 * 60, basic=-500 * 60)
    dispute = allocated.stripe.dispute(purchase.payment_intent)

    reversals.apply_dispute(dispute_id=dispute["id"])

    assert allocated.minutes == (0, 0)
    assert pots(allocated.sub.wallet)[0] == Decimal(0)
    assert pots(allocated.agency.wallet)[0] == Decimal("-189")
    assert Wallet.objects.get(account=allocated.agency).blocked_reason == "disputed"
    assert Wallet.objects.get(account=allocated.sub).blocked_at is None


# --- Disputes.


def dispute(stripe, purchase, **facts):
    return stripe.dispute(purchase.payment_intent, **facts)["id"]


def test_withdrawn_funds_are_taken_once_and_block_automatic_charges(wallet, stripe):
    purchase = buy(wallet)
    set_auto_recharge(wallet, threshold=10, amount=50)
    disputed = dispute(stripe, purchase)

    for _ in range(2):
        reversal = reversals.apply_dispute(dispute_id=disputed)

    assert (reversal.state, reversal.closed_at) == ("submitted", None)
    assert reversal.reason == "Disputed: fraudulent"
    assert pots(wallet)[0] == Decimal(0)
    wallet.refresh_from_db()
    assert (wallet.blocked_reason, bool(wallet.blocked_at)) == ("disputed", True)
    assert AutoRecharge.objects.get(wallet=wallet).suspended_reason == "disputed"
    assert auto_recharge.run(wallet_id=wallet.pk).code == "blocked"
    alert = StaffAlert.objects.get(kind="dispute")
    assert alert.text == "Ada Lovelace disputed $50.00. Its wallet is blocked."
    told = Notification.objects.get(kind="dispute", account=wallet.account)
    assert told.text.startswith("A payment of $50.00 by Visa •••• 4242 was disputed")
    assert alert.data == told.data == {"purchase": str(purchase.pk)}


def test_a_dispute_leaves_the_reason_a_wallet_was_blocked_for_before(wallet, stripe):
    since = clock.now() - timedelta(days=1)
    disputed = dispute(stripe, buy(wallet))
    Wallet.objects.filter(pk=wallet.pk).update(blocked_at=since, blocked_reason="support")

    reversals.apply_dispute(dispute_id=disputed)

    wallet.refresh_from_db()
    assert (wallet.blocked_reason, wallet.blocked_at) == ("support", since)


def test_a_dispute_takes_unused_minutes_first_and_may_leave_a_debt(wallet, stripe):
    purchase = buy(wallet, 50, "premium")
    fill(wallet, premium=-18750 + 3750)

    reversals.apply_dispute(dispute_id=dispute(stripe, purchase))

    assert pots(wallet) == (Decimal("-40"), 0, 0)


def test_a_won_dispute_gives_back_exactly_what_it_took(wallet, stripe):
    purchase = buy(wallet, 50, "premium")
    fill(wallet, premium=-15000)
    disputed = dispute(stripe, purchase)
    reversals.apply_dispute(dispute_id=disputed)
    fill(wallet, credit="100")
    stripe.move_dispute(disputed, "win")

    won, again = (reversals.apply_dispute(dispute_id=disputed) for _ in range(2))

    assert (won.state, won.error_text) == ("failed", "The dispute was won.")
    assert won.closed_at
    assert again.closed_at == won.closed_at
    assert pots(wallet) == (Decimal("100"), 3750, 0)
    wallet.refresh_from_db()
    assert wallet.blocked_reason == "disputed"  # Until support lifts it.
    told = Notification.objects.get(kind="dispute_won", account=wallet.account)
    assert told.text.startswith("The dispute over $50.00 was closed in our favor")
    assert told.data == {"purchase": str(purchase.pk)}
    assert StaffAlert.objects.filter(kind="dispute").count() == 1


def test_each_dispute_that_is_won_is_told(wallet, stripe):
    for amount in (50, 20):
        disputed = dispute(stripe, buy(wallet, amount))
        reversals.apply_dispute(dispute_id=disputed)
        stripe.move_dispute(disputed, "win")
        reversals.apply_dispute(dispute_id=disputed)

    assert Notification.objects.filter(kind="dispute_won").count() == 2


def test_money_taken_again_after_a_dispute_was_won_is_left_to_support(wallet, stripe):
    disputed = dispute(stripe, buy(wallet))
    reversals.apply_dispute(dispute_id=disputed)
    stripe.move_dispute(disputed, "win")
    reversals.apply_dispute(dispute_id=disputed)
    found = gateway.retrieve_dispute(dispute_id=disputed)
    taken_again = [*found["balance_transactions"], {"amount": -5000}]

    for _ in range(2):
        disputes.apply_dispute_from(found=found | {"balance_transactions": taken_again})

    assert Reversal.objects.get().state == "failed"
    assert pots(wallet)[0] == Decimal("50")
    texts = StaffAlert.objects.filter(kind="dispute").order_by("pk").values_list("text", flat=True)
    assert list(texts)[1:] == [f"Dispute {disputed} was withdrawn again after it was won."]


def test_a_lost_dispute_is_closed_and_moves_nothing_more(wallet, stripe):
    purchase = buy(wallet)
    disputed = dispute(stripe, purchase)
    reversals.apply_dispute(dispute_id=disputed)
    stripe.move_dispute(disputed, "lose")

    closed = reversals.apply_dispute(dispute_id=disputed)
    again = reversals.apply_dispute(dispute_id=disputed)

    assert (closed.state, closed.error_text) == ("succeeded", "")
    assert closed.closed_at
    assert again.closed_at == closed.closed_at
    assert pots(wallet)[0] == Decimal(0)
    assert reversals.refundable(purchase).cents == 0


def test_a_lost_dispute_whose_money_comes_back_after_all_is_given_back(wallet, stripe):
    disputed = dispute(stripe, buy(wallet))
    reversals.apply_dispute(dispute_id=disputed)
    stripe.move_dispute(disputed, "lose")
    reversals.apply_dispute(dispute_id=disputed)
    found = gateway.retrieve_dispute(dispute_id=disputed)
    returned = [*found["balance_transactions"], {"amount": 5000}]

    disputes.apply_dispute_from(found=found | {"balance_transactions": returned})

    assert Reversal.objects.get().state == "failed"
    assert pots(wallet)[0] == Decimal("50")


def test_an_inquiry_moves_nothing_until_funds_are_withdrawn(wallet, stripe):
    purchase = buy(wallet)
    inquiry = dispute(stripe, purchase, status="warning_needs_response")

    assert reversals.apply_dispute(dispute_id=inquiry) is None
    assert nothing_moved(purchase)
    stripe.move_dispute(inquiry, "withdraw")
    assert reversals.apply_dispute(dispute_id=inquiry).state == "submitted"

    assert pots(wallet)[0] == Decimal(0)


def test_a_dispute_that_was_won_before_we_heard_of_it_moves_nothing(wallet, stripe):
    purchase = buy(wallet)
    disputed = dispute(stripe, purchase)
    stripe.move_dispute(disputed, "win")

    assert reversals.apply_dispute(dispute_id=disputed) is None

    assert nothing_moved(purchase)
    assert pots(wallet)[0] == Decimal("50")


def test_no_refund_while_a_dispute_is_open(wallet, stripe):
    purchase = buy(wallet)
    disputed = dispute(stripe, purchase, amount=2000)
    reversals.apply_dispute(dispute_id=disputed)

    with pytest.raises(Refused, match="This payment is disputed"):
        refund(purchase, 1000)

    assert pots(wallet)[0] == Decimal("30")
    stripe.move_dispute(disputed, "lose")
    reversals.apply_dispute(dispute_id=disputed)
    assert reversals.refundable(purchase).cents == 3000
    refund(purchase, 3000)
    assert pots(wallet)[0] == Decimal(0)


def test_a_dispute_is_never_driven_as_a_refund(wallet, stripe):
    disputed = reversals.apply_dispute(dispute_id=dispute(stripe, buy(wallet)))
    stripe.clear_requests()

    assert drive(disputed) == "submitted"

    assert stripe.requests(path="/v1/") == []


# --- Refunds and disputes of one payment: a bank takes what it likes, the ledger follows.


def beyond_paid():
    return StaffAlert.objects.filter(kind="reversed_beyond_paid")


def refunded_then_disputed(wallet, stripe):
    """$20.00 of $50.00 refunded, then all $50.00 taken by the bank."""
    purchase = buy(wallet)
    refunded = refund(purchase, 2000)
    drive(refunded)
    refunded.refresh_from_db()
    disputed = dispute(stripe, purchase)
    reversals.apply_dispute(dispute_id=disputed)
    return purchase, refunded.stripe_id, disputed


def test_a_dispute_over_all_of_a_payment_refunded_in_part_takes_all_of_it(wallet, stripe):
    purchase, _, disputed = refunded_then_disputed(wallet, stripe)
    reversals.apply_dispute(dispute_id=disputed)

    assert pots(wallet)[0] == Decimal("-20")
    assert reversals.refundable(purchase).cents == 0
    assert books.check_all(stripe=True) == []


def test_more_taken_back_than_was_paid_is_told_to_support_once_a_payment(wallet, stripe):
    first, second = [refunded_then_disputed(wallet, stripe)[0] for _ in range(2)]
    reversals.apply_dispute(dispute_id=dispute(stripe, first, amount=100))
    reversals.catch_up(since=clock.now() - timedelta(hours=1))

    assert set(beyond_paid().values_list("text", "data__purchase")) == {
        (
            f"Of purchase {one.pk} over $50.00 refunds and disputes took back $70.00.",
            str(one.pk),
        )
        for one in (first, second)
    }


def test_all_that_was_paid_and_no_more_is_nothing_to_tell(wallet, stripe):
    purchase = buy(wallet)
    drive(refund(purchase, 2000))

    reversals.apply_dispute(dispute_id=dispute(stripe, purchase, amount=3000))

    assert pots(wallet)[0] == Decimal(0)
    assert not beyond_paid()


def test_a_refund_that_fails_after_the_dispute_is_put_back(wallet, stripe):
    _, refunded, _ = refunded_then_disputed(wallet, stripe)
    stripe.set_refund(refunded, "failed")

    assert reversals.settle_refund(refund_id=refunded).state == "failed"

    assert pots(wallet)[0] == Decimal(0)
    assert books.check_all(stripe=True) == []


def test_a_dispute_won_after_a_refund_gives_back_the_disputes_part_alone(wallet, stripe):
    purchase, _, disputed = refunded_then_disputed(wallet, stripe)
    stripe.move_dispute(disputed, "win")

    assert reversals.apply_dispute(dispute_id=disputed).state == "failed"

    assert pots(wallet)[0] == Decimal("30")
    assert reversals.refundable(purchase).cents == 3000
    assert books.check_all(stripe=True) == []


def test_two_disputes_of_one_payment_are_followed_each_by_itself(wallet, stripe):
    purchase = buy(wallet, 50, "premium")
    first = dispute(stripe, purchase, amount=2000)
    second = dispute(stripe, purchase, amount=3000)
    for disputed in (first, second, first):
        reversals.apply_dispute(dispute_id=disputed)
    assert pots(wallet) == (Decimal(0), 0, 0)

    stripe.move_dispute(first, "win")
    stripe.move_dispute(second, "lose")
    for disputed in (second, first, second):
        reversals.apply_dispute(dispute_id=disputed)

    assert pots(wallet) == (Decimal(0), 7500, 0)
    assert Notification.objects.filter(kind="dispute").count() == 2
    assert StaffAlert.objects.filter(kind="dispute").count() == 2
    assert not beyond_paid()
    assert books.check_all(stripe=True) == []


def test_a_refund_during_an_inquiry_that_becomes_a_dispute_is_followed(wallet, stripe):
    purchase = buy(wallet)
    inquiry = dispute(stripe, purchase, status="warning_needs_response")
    drive(refund(purchase, 5000))
    stripe.move_dispute(inquiry, "withdraw")

    assert reversals.apply_dispute(dispute_id=inquiry).state == "submitted"

    assert pots(wallet)[0] == Decimal("-50")
    assert len(beyond_paid()) == 1
    assert books.check_all(stripe=True) == []


def test_a_refund_at_stripe_that_we_hear_of_after_the_dispute_is_told_too(wallet, stripe):
    purchase = buy(wallet)
    outside = refunded_outside(purchase, 1500)
    reversals.apply_dispute(dispute_id=dispute(stripe, purchase))

    reversals.settle_refund(refund_id=outside["id"])

    assert pots(wallet)[0] == Decimal("-15")
    assert len(beyond_paid()) == 1
    assert books.check_all(stripe=True) == []
