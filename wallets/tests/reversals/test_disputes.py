from datetime import timedelta
from decimal import Decimal

import pytest

from accounts import clock
from accounts.models import Notification, StaffAlert
from wallets.errors import Refused
from wallets.models import AutoRecharge, Reversal, Wallet
from wallets.recharges import auto_recharge
from wallets.reversals import disputes
from wallets.reversals import pots as reversal_pots
from wallets.stripe import gateway
from wallets.tests.worlds.builders import fill, set_auto_recharge
from wallets.tests.worlds.reversal_world import (
    buy,
    dispute,
    drive,
    nothing_moved,
    pots,
    refund,
)

pytestmark = pytest.mark.django_db


def test_withdrawn_funds_are_taken_once_and_block_automatic_charges(wallet, stripe):
    purchase = buy(wallet)
    set_auto_recharge(wallet, threshold=10, amount=50)
    disputed = dispute(stripe, purchase)

    for _ in range(2):
        reversal = disputes.apply_dispute(dispute_id=disputed)

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

    disputes.apply_dispute(dispute_id=disputed)

    wallet.refresh_from_db()
    assert (wallet.blocked_reason, wallet.blocked_at) == ("support", since)


def test_a_won_dispute_gives_back_exactly_what_it_took(wallet, stripe):
    purchase = buy(wallet, 50, "premium")
    fill(wallet, premium=-15000)
    disputed = dispute(stripe, purchase)
    disputes.apply_dispute(dispute_id=disputed)
    fill(wallet, credit="100")
    stripe.move_dispute(disputed, "win")

    won, again = (disputes.apply_dispute(dispute_id=disputed) for _ in range(2))

    assert (again.state, again.error_text) == ("failed", "The dispute was won.")
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
        disputes.apply_dispute(dispute_id=disputed)
        stripe.move_dispute(disputed, "win")
        disputes.apply_dispute(dispute_id=disputed)

    assert Notification.objects.filter(kind="dispute_won").count() == 2


def test_money_taken_again_after_a_dispute_was_won_is_left_to_support(wallet, stripe):
    disputed = dispute(stripe, buy(wallet))
    disputes.apply_dispute(dispute_id=disputed)
    stripe.move_dispute(disputed, "win")
    disputes.apply_dispute(dispute_id=disputed)
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
    disputes.apply_dispute(dispute_id=disputed)
    stripe.move_dispute(disputed, "lose")

    closed = disputes.apply_dispute(dispute_id=disputed)
    again = disputes.apply_dispute(dispute_id=disputed)

    assert (closed.state, closed.error_text) == ("succeeded", "")
    assert closed.closed_at
    assert again.closed_at == closed.closed_at
    assert pots(wallet)[0] == Decimal(0)
    assert reversal_pots.refundable(purchase).cents == 0


def test_a_lost_dispute_whose_money_comes_back_after_all_is_given_back(wallet, stripe):
    disputed = dispute(stripe, buy(wallet))
    disputes.apply_dispute(dispute_id=disputed)
    stripe.move_dispute(disputed, "lose")
    disputes.apply_dispute(dispute_id=disputed)
    found = gateway.retrieve_dispute(dispute_id=disputed)
    returned = [*found["balance_transactions"], {"amount": 5000}]

    disputes.apply_dispute_from(found=found | {"balance_transactions": returned})

    assert Reversal.objects.get().state == "failed"
    assert pots(wallet)[0] == Decimal("50")


def test_an_inquiry_moves_nothing_until_funds_are_withdrawn(wallet, stripe):
    purchase = buy(wallet)
    inquiry = dispute(stripe, purchase, status="warning_needs_response")

    assert disputes.apply_dispute(dispute_id=inquiry) is None
    assert nothing_moved(purchase)
    stripe.move_dispute(inquiry, "withdraw")
    assert disputes.apply_dispute(dispute_id=inquiry).state == "submitted"

    assert pots(wallet)[0] == Decimal(0)


def test_an_inquiry_read_before_the_funds_were_withdrawn_gives_nothing_back(wallet, stripe):
    purchase = buy(wallet)
    inquiry = dispute(stripe, purchase, status="warning_needs_response")
    read_early = gateway.retrieve_dispute(dispute_id=inquiry)
    stripe.move_dispute(inquiry, "withdraw")
    disputes.apply_dispute(dispute_id=inquiry)

    disputes.apply_dispute_from(found=read_early)

    assert Reversal.objects.get().state == "submitted"
    assert pots(wallet)[0] == Decimal(0)


def test_funds_that_came_back_before_their_withdrawal_was_posted_are_given_back(wallet, stripe):
    purchase = buy(wallet)
    disputed = dispute(stripe, purchase)
    read_early = gateway.retrieve_dispute(dispute_id=disputed)
    stripe.move_dispute(disputed, "win")
    assert disputes.apply_dispute(dispute_id=disputed) is None

    for _ in range(2):
        disputes.apply_dispute_from(found=read_early)

    assert Reversal.objects.get().state == "failed"
    assert pots(wallet)[0] == Decimal("50")
    assert StaffAlert.objects.filter(kind="dispute").count() == 1


def test_a_dispute_that_was_won_before_we_heard_of_it_moves_nothing(wallet, stripe):
    purchase = buy(wallet)
    disputed = dispute(stripe, purchase)
    stripe.move_dispute(disputed, "win")

    assert disputes.apply_dispute(dispute_id=disputed) is None

    assert nothing_moved(purchase)
    assert pots(wallet)[0] == Decimal("50")


def test_no_refund_while_a_dispute_is_open(wallet, stripe):
    purchase = buy(wallet)
    disputed = dispute(stripe, purchase, amount=2000)
    disputes.apply_dispute(dispute_id=disputed)

    with pytest.raises(Refused, match="This payment is disputed"):
        refund(purchase, 1000)

    assert pots(wallet)[0] == Decimal("30")
    stripe.move_dispute(disputed, "lose")
    disputes.apply_dispute(dispute_id=disputed)
    assert reversal_pots.refundable(purchase).cents == 3000
    refund(purchase, 3000)
    assert pots(wallet)[0] == Decimal(0)


def test_a_dispute_is_never_driven_as_a_refund(wallet, stripe):
    disputed = disputes.apply_dispute(dispute_id=dispute(stripe, buy(wallet)))
    stripe.clear_requests()

    assert drive(disputed) == "submitted"

    assert stripe.requests(path="/v1/") == []
