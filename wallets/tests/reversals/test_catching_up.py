from datetime import timedelta
from decimal import Decimal

import pytest

from accounts import clock
from wallets.books import checking
from wallets.models import Reversal
from wallets.reversals import catching_up, disputes, refunds
from wallets.stripe import gateway
from wallets.tests.worlds import histories
from wallets.tests.worlds.builders import pay, stranger_pays
from wallets.tests.worlds.reversal_world import (
    buy,
    dispute,
    nothing_moved,
    pots,
    refunded_outside,
)

pytestmark = pytest.mark.django_db


def test_what_no_event_told_is_caught_up(wallet, stripe):
    purchase = buy(wallet)
    since = clock.now() - timedelta(minutes=5)
    refunded_outside(purchase, 1500)
    other = buy(wallet)
    stripe.dispute(other.payment_intent)

    assert catching_up.catch_up(since=since) == 2
    assert catching_up.catch_up(since=since) == 2

    assert Reversal.objects.count() == 2
    assert pots(wallet)[0] == Decimal("35")


def test_a_refund_or_a_dispute_of_nobody_we_know_moves_nothing(wallet, stripe):
    purchase = buy(wallet)
    stranger = stranger_pays(stripe)
    outside = gateway.create_refund(key="theirs", intent_id=stranger, amount=1500, metadata={})

    assert refunds.settle_refund(refund_id=outside["id"]) is None
    disputed = stripe.dispute(stranger_pays(stripe))
    assert disputes.apply_dispute(dispute_id=disputed["id"]) is None

    assert nothing_moved(purchase)
    assert pots(wallet)[0] == Decimal("50")


@pytest.mark.parametrize("back", ["refunded", "disputed"])
def test_what_was_paid_but_never_credited_and_goes_back_takes_nothing(wallet, stripe, back):
    """As the runbook says of a purchase in quarantine: refund it at Stripe."""
    intent = pay(stripe, wallet.account.stripe_customer, cents=5000)
    purchase = histories.buy(wallet, state="canceled", payment_intent=intent)

    if back == "refunded":
        outside = refunded_outside(purchase, 5000)
        assert refunds.settle_refund(refund_id=outside["id"]) is None
    else:
        assert disputes.apply_dispute(dispute_id=dispute(stripe, purchase)) is None

    assert nothing_moved(purchase)
    assert pots(wallet)[0] == Decimal(0)
    assert checking.check_all() == []
