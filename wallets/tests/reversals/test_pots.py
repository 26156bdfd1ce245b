from datetime import timedelta
from decimal import Decimal

import pytest

from accounts import clock
from accounts.models import Notification, StaffAlert
from wallets.books import checking
from wallets.errors import InvalidAmount
from wallets.models import Reversal, Wallet
from wallets.reversals import catching_up, disputes, refunds
from wallets.reversals import pots as reversal_pots
from wallets.tests.worlds.builders import add_card, fill, make_wallet
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


def test_a_refund_takes_unused_minutes_first_and_the_rest_from_credit(wallet):
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


def test_only_as_many_seconds_go_as_the_money_bought(wallet):
    purchase = buy(wallet, 50, "premium")

    refund(purchase, 1600)

    assert pots(wallet) == (Decimal(0), 18750 - 6000, 0)


def test_a_single_unused_second_is_taken_at_what_it_cost(wallet):
    purchase = buy(wallet, 50, "premium")
    fill(wallet, premium=-18749)

    refund(purchase, 2000)

    assert pots(wallet) == (Decimal("-19.997333"), 0, 0)


def test_less_than_a_second_is_taken_from_credit(wallet):
    purchase = buy(wallet, 50, "premium")

    refund(purchase, 1)

    # A cent is 3.75 seconds; three of them are worth $0.008.
    assert pots(wallet) == (Decimal("-0.002"), 18750 - 3, 0)


def test_minutes_of_other_purchases_are_not_taken(wallet):
    purchase = buy(wallet, 50, "credit")
    fill(wallet, premium=6000, basic=6000)

    refund(purchase, 5000)

    assert pots(wallet) == (Decimal(0), 6000, 6000)


def test_a_full_refund_leaves_nothing_not_even_the_fraction(wallet):
    purchase = buy(wallet, 50, "basic")
    assert pots(wallet) == (Decimal("0.000500"), 0, 33333)

    refund(purchase, 5000)

    assert pots(wallet) == (Decimal(0), 0, 0)


def test_a_dispute_takes_unused_minutes_first_and_may_leave_a_debt(wallet, stripe):
    purchase = buy(wallet, 50, "premium")
    fill(wallet, premium=-18750 + 3750)

    disputes.apply_dispute(dispute_id=dispute(stripe, purchase))

    assert pots(wallet) == (Decimal("-40"), 0, 0)


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


def test_refunds_of_one_wallet_that_fail_are_each_put_back(wallet, stripe):
    both = [refund(buy(wallet), 5000) for _ in range(2)]
    for reversal in both:
        drive(reversal)
        reversal.refresh_from_db()
        stripe.set_refund(reversal.stripe_id, "failed")
        refunds.settle_refund(refund_id=reversal.stripe_id)

    assert pots(wallet)[0] == Decimal(100)


def test_a_refund_is_never_decided_inside_a_transaction_of_its_caller(wallet):
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
    disputes.apply_dispute(dispute_id=disputed["id"])

    assert pots(wallet) == (0, 0, 0)
    assert pots(other) == theirs
    assert Wallet.objects.get(pk=other.pk).blocked_at is None
    assert [one.purchase for one in Reversal.objects.order_by("created_at")] == [first, second]


# --- Allocations: the agency's money, the sub-account's minutes.


def test_of_an_allocation_only_unused_minutes_are_refundable(allocated):
    [purchase] = allocated.purchases()
    fill(allocated.sub.wallet, premium=-900 * 60, basic=-500 * 60)

    left = reversal_pots.refundable(purchase)

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

    assert reversal_pots.refundable(purchase).cents == 1


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


def test_what_a_dispute_takes_beyond_unused_minutes_is_charged_to_the_agency(allocated):
    [purchase] = allocated.purchases()
    fill(allocated.sub.wallet, premium=-900 * 60, basic=-500 * 60)
    dispute = allocated.stripe.dispute(purchase.payment_intent)

    disputes.apply_dispute(dispute_id=dispute["id"])

    assert allocated.minutes == (0, 0)
    assert pots(allocated.sub.wallet)[0] == Decimal(0)
    assert pots(allocated.agency.wallet)[0] == Decimal("-189")
    assert Wallet.objects.get(account=allocated.agency).blocked_reason == "disputed"
    assert Wallet.objects.get(account=allocated.sub).blocked_at is None


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
    disputes.apply_dispute(dispute_id=disputed)
    return purchase, refunded.stripe_id, disputed


def test_a_dispute_over_all_of_a_payment_refunded_in_part_takes_all_of_it(wallet, stripe):
    purchase, _, disputed = refunded_then_disputed(wallet, stripe)
    disputes.apply_dispute(dispute_id=disputed)

    assert pots(wallet)[0] == Decimal("-20")
    assert reversal_pots.refundable(purchase).cents == 0
    assert checking.check_all(stripe=True) == []


def test_more_taken_back_than_was_paid_is_told_to_support_once_a_payment(wallet, stripe):
    first, second = [refunded_then_disputed(wallet, stripe)[0] for _ in range(2)]
    disputes.apply_dispute(dispute_id=dispute(stripe, first, amount=100))
    catching_up.catch_up(since=clock.now() - timedelta(hours=1))

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

    disputes.apply_dispute(dispute_id=dispute(stripe, purchase, amount=3000))

    assert pots(wallet)[0] == Decimal(0)
    assert not beyond_paid()


def test_a_refund_that_fails_after_the_dispute_is_put_back(wallet, stripe):
    _, refunded, _ = refunded_then_disputed(wallet, stripe)
    stripe.set_refund(refunded, "failed")

    assert refunds.settle_refund(refund_id=refunded).state == "failed"

    assert pots(wallet)[0] == Decimal(0)
    assert checking.check_all(stripe=True) == []


def test_a_dispute_won_after_a_refund_gives_back_the_disputes_part_alone(wallet, stripe):
    purchase, _, disputed = refunded_then_disputed(wallet, stripe)
    stripe.move_dispute(disputed, "win")

    assert disputes.apply_dispute(dispute_id=disputed).state == "failed"

    assert pots(wallet)[0] == Decimal("30")
    assert reversal_pots.refundable(purchase).cents == 3000
    assert checking.check_all(stripe=True) == []


def test_two_disputes_of_one_payment_are_followed_each_by_itself(wallet, stripe):
    purchase = buy(wallet, 50, "premium")
    first = dispute(stripe, purchase, amount=2000)
    second = dispute(stripe, purchase, amount=3000)
    for disputed in (first, second, first):
        disputes.apply_dispute(dispute_id=disputed)
    assert pots(wallet) == (Decimal(0), 0, 0)

    stripe.move_dispute(first, "win")
    stripe.move_dispute(second, "lose")
    for disputed in (second, first, second):
        disputes.apply_dispute(dispute_id=disputed)

    assert pots(wallet) == (Decimal(0), 7500, 0)
    assert Notification.objects.filter(kind="dispute").count() == 2
    assert StaffAlert.objects.filter(kind="dispute").count() == 2
    assert not beyond_paid()
    assert checking.check_all(stripe=True) == []


def test_a_refund_during_an_inquiry_that_becomes_a_dispute_is_followed(wallet, stripe):
    purchase = buy(wallet)
    inquiry = dispute(stripe, purchase, status="warning_needs_response")
    drive(refund(purchase, 5000))
    stripe.move_dispute(inquiry, "withdraw")

    assert disputes.apply_dispute(dispute_id=inquiry).state == "submitted"

    assert pots(wallet)[0] == Decimal("-50")
    assert len(beyond_paid()) == 1
    assert checking.check_all(stripe=True) == []


def test_a_refund_at_stripe_that_we_hear_of_after_the_dispute_is_told_too(wallet, stripe):
    purchase = buy(wallet)
    outside = refunded_outside(purchase, 1500)
    disputes.apply_dispute(dispute_id=dispute(stripe, purchase))

    refunds.settle_refund(refund_id=outside["id"])

    assert pots(wallet)[0] == Decimal("-15")
    assert len(beyond_paid()) == 1
    assert checking.check_all(stripe=True) == []
