"""Support asks Stripe about a refund or a dispute that rests: it ends as Stripe says, once."""

import pytest

from accounts import clock
from wallets.errors import GatewayUnreachable, Refused
from wallets.models import Reversal
from wallets.reversals import asking, refunds
from wallets.reversals.disputes import apply_dispute
from wallets.tests.worlds.reversal_world import (
    buy,
    dispute,
    drive,
    make_wallet_with_card,
    refund,
    refunded_at_stripe,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nudges")]


@pytest.fixture
def purchase(stripe):
    return buy(make_wallet_with_card(stripe))


def ask(reversal):
    return asking.ask_stripe(reversal_id=reversal.pk)


def test_a_refund_that_killed_ten_workers_is_sent_when_support_asks(stripe, purchase):
    resting = refund(purchase, 2000)
    Reversal.objects.update(tries=9, rests_until=clock.now() + refunds.limits.COMPARE_WITHIN)

    found = ask(resting)

    assert (found.state, found.tries, found.rests_until) == ("succeeded", 0, None)
    assert refunded_at_stripe(stripe) == 2000


def test_a_dispute_whose_events_were_lost_ends_when_support_asks(stripe, purchase):
    stripe_id = dispute(stripe, purchase)
    waiting = apply_dispute(dispute_id=stripe_id)
    stripe.move_dispute(stripe_id, "lose")

    found = ask(waiting)

    assert (waiting.state, found.state) == ("submitted", "succeeded")


@pytest.mark.parametrize("kind", ["reset_before", "500_before"])
def test_without_an_answer_nothing_is_said_to_have_been_asked(stripe, purchase, kind):
    waiting = refund(purchase, 2000)
    stripe.fault(kind=kind, path="/v1/refunds", times=9)

    with pytest.raises(GatewayUnreachable, match="Nothing was changed"):
        ask(waiting)

    assert Reversal.objects.get().state == "submitted"
    assert refunded_at_stripe(stripe) == 0


def test_one_that_has_ended_is_not_asked_about(stripe, purchase):
    ended = refund(purchase, 2000)
    assert drive(ended) == "succeeded"

    with pytest.raises(Refused, match="It has ended already: refunded."):
        ask(ended)

    assert refunded_at_stripe(stripe) == 2000
