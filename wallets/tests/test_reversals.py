from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest

from accounts import clock
from accounts.models import Notification, StaffAlert
from accounts.tests.builders import make_user
from wallets import auto_recharge, books, gateway, recharges, reversals
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
    assert drive(reversal) == "succeeded"
    assert refunded_at_stripe(stripe) == 2000
    assert pots(wallet) == (Decimal("30"), 0, 0)


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


def test_the_payer_is_told(wallet, stripe):
    purchase = buy(wallet)

    refund(purchase, 2000)

    [text] = Notification.objects.filter(kind="refund").values_list("text", flat=True)
    assert text == (
        "$20.00 of a payment of $50.00 goes back to Visa •••• 4242. "
        "Banks take 5 to 10 days to show it."
    )


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
    reversal = refund(buy(wallet), 2000)
    stripe.fault(kind="reset_after", path="/v1/refunds", method="POST", times=2)
    drive(reversal)

    stripe.advance(25 * 3600)
    assert drive(reversal) == "succeeded"

    assert refunded_at_stripe(stripe) == 2000


def test_what_stripe_will_never_do_is_put_back_and_support_is_told(wallet, stripe, monkeypatch):
    reversal = refund(buy(wallet, 50, "premium"), 2000)
    stripe.call("POST", "disputes", {"payment_intent": reversal.purchase.payment_intent})

    assert drive(reversal) == "failed"

    assert pots(wallet) == (Decimal(0), 18750, 0)
    reversal.refresh_from_db()
    assert "charged back" in reversal.error_text
    assert StaffAlert.objects.filter(dedupe_key=f"refund-failed:{reversal.pk}").exists()
    assert {e.kind for e in reversal.entries.all()} == {"refund", "refund_failed"}


def test_a_refund_the_bank_sends_back_later_is_put_back_once(wallet, stripe):
    purchase = buy(wallet)
    reversal = refund(purchase, 2000)
    drive(reversal)
    reversal.refresh_from_db()
    stripe.set_refund(reversal.stripe_id, "failed")

    for _ in range(2):
        assert reversals.settle_refund(refund_id=reversal.stripe_id).state == "failed"

    assert pots(wallet)[0] == Decimal("50")
    assert reversals.refundable(purchase).cents == 5000
    assert Notification.objects.filter(kind="refund_failed").count() == 1


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
    stripe.set_refund(reversal.stripe_id, "succeeded")
    assert drive(reversal) == "succeeded"


def test_a_refund_made_in_stripes_dashboard_is_imported_once(wallet, stripe):
    purchase = buy(wallet)
    outside = gateway.create_refund(
        key="dashboard", intent_id=purchase.payment_intent, amount=1500, metadata={}
    )

    for _ in range(2):
        reversals.settle_refund(refund_id=outside["id"])

    reversal = Reversal.objects.get()
    assert (reversal.state, reversal.amount_cents, reversal.reason) == (
        "succeeded",
        1500,
        "Refunded at Stripe",
    )
    assert pots(wallet)[0] == Decimal("35")


def test_a_refund_of_nobody_we_know_moves_nothing(wallet, stripe):
    purchase = buy(wallet)
    stranger = stranger_pays(stripe)
    outside = gateway.create_refund(key="theirs", intent_id=stranger, amount=1500, metadata={})

    assert reversals.settle_refund(refund_id=outside["id"]) is None

    assert nothing_moved(purchase)
    assert pots(wallet)[0] == Decimal("50")


@pytest.mark.parametrize("back", ["refunded", "disputed"])
def test_what_was_paid_but_never_credited_and_goes_back_takes_nothing(wallet, stripe, back):
    """As the runbook says of a purchase in quarantine: refund it at Stripe."""
    intent = pay(stripe, wallet.account.stripe_customer, cents=5000)
    purchase = histories.buy(wallet, state="canceled", payment_intent=intent)

    if back == "refunded":
        outside = gateway.create_refund(key="runbook", intent_id=intent, amount=5000, metadata={})
        assert reversals.settle_refund(refund_id=outside["id"]) is None
    else:
        assert reversals.apply_dispute(dispute_id=dispute(stripe, purchase)) is None

    assert nothing_moved(purchase)
    assert pots(wallet)[0] == Decimal(0)
    assert books.check_all() == []


def test_what_no_event_told_is_caught_up(wallet, stripe):
    purchase = buy(wallet)
    since = clock.now() - timedelta(minutes=5)
    gateway.create_refund(
        key="dashboard", intent_id=purchase.payment_intent, amount=1500, metadata={}
    )
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
        assert reversals.apply_dispute(dispute_id=disputed).state == "submitted"

    assert pots(wallet)[0] == Decimal(0)
    wallet.refresh_from_db()
    assert wallet.blocked_reason == "disputed"
    assert AutoRecharge.objects.get(wallet=wallet).suspended_reason == "disputed"
    assert auto_recharge.run(wallet_id=wallet.pk).code == "blocked"
    assert StaffAlert.objects.filter(kind="dispute").count() == 1
    assert Notification.objects.filter(kind="dispute", account=wallet.account).count() == 1


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

    for _ in range(2):
        assert reversals.apply_dispute(dispute_id=disputed).state == "failed"

    assert pots(wallet) == (Decimal("100"), 3750, 0)
    wallet.refresh_from_db()
    assert wallet.blocked_reason == "disputed"  # Until support lifts it.


def test_a_lost_dispute_is_closed_and_moves_nothing_more(wallet, stripe):
    purchase = buy(wallet)
    disputed = dispute(stripe, purchase)
    reversals.apply_dispute(dispute_id=disputed)
    stripe.move_dispute(disputed, "lose")

    assert reversals.apply_dispute(dispute_id=disputed).state == "succeeded"

    assert pots(wallet)[0] == Decimal(0)
    assert reversals.refundable(purchase).cents == 0


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


# --- Refunds and disputes of one payment: a bank takes what it likes, the ledger follows.


def beyond_paid():
    return StaffAlert.objects.filter(kind="reversed_beyond_paid").values_list("text", flat=True)


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


def test_more_taken_back_than_was_paid_is_told_to_support_once(wallet, stripe):
    purchase, _, _ = refunded_then_disputed(wallet, stripe)
    reversals.catch_up(since=clock.now() - timedelta(hours=1))

    assert list(beyond_paid()) == [
        f"Of purchase {purchase.pk} over $50.00 refunds and disputes took back $70.00."
    ]


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
    outside = gateway.create_refund(
        key="dashboard", intent_id=purchase.payment_intent, amount=1500, metadata={}
    )
    reversals.apply_dispute(dispute_id=dispute(stripe, purchase))

    reversals.settle_refund(refund_id=outside["id"])

    assert pots(wallet)[0] == Decimal("-15")
    assert len(beyond_paid()) == 1
    assert books.check_all(stripe=True) == []
