"""Busy books, and a wallet that paid once."""

import pytest

from accounts import clock
from wallets.reversals import disputes, refunds
from wallets.tests.worlds.allocation_world import make_world
from wallets.tests.worlds.books_world import against_stripe, buy, refund
from wallets.tests.worlds.builders import add_card, fill, make_wallet


@pytest.fixture
def busy(stripe):
    """Purchases of each kind, refunds that worked and failed, disputes lost and won."""
    world = make_world(stripe)
    world.save(basic=501, premium=1000)
    world.run_at(f"{clock.now():%Y-%m-%d %H:%M}")
    [allocation] = world.purchases()
    fill(world.sub.wallet, premium=-59_990)
    refund(allocation, 17)

    wallet = make_wallet(credit="-3.21")
    add_card(stripe, wallet)
    wallet.premium_purchase = buy(wallet, 50, "premium")
    basic = buy(wallet, 20, "basic")
    fill(wallet, premium=-10_000, basic=-10_000, credit="-0.123456")
    refund(basic, 1234)
    failed = refund(wallet.premium_purchase, 2000)
    stripe.set_refund(failed.stripe_id, "failed")
    refunds.settle_refund(refund_id=failed.stripe_id)
    for outcome in ("win", "lose"):
        disputed = stripe.dispute(buy(wallet, 10, "credit").payment_intent)["id"]
        disputes.apply_dispute(dispute_id=disputed)
        stripe.move_dispute(disputed, outcome)
        disputes.apply_dispute(dispute_id=disputed)
    world.wallet = wallet
    return world


@pytest.fixture
def paid(stripe):
    wallet = make_wallet()
    add_card(stripe, wallet)
    wallet.purchase = buy(wallet, 50, "credit")
    assert against_stripe() == []
    return wallet
