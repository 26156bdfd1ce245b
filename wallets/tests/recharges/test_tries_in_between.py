"""What a person's try does while the next one by itself is promised: it moves nothing, unless it is
the promised one, or the last."""

from datetime import UTC, datetime, timedelta

import pytest

from accounts import clock
from accounts.tests.builders import owner_of
from wallets.charging import purchases
from wallets.recharges import configure
from wallets.tests.worlds.auto_recharge_world import (
    decline,
    figures,
    logged,
    run,
    settings_of,
    told,
)
from wallets.tests.worlds.purchases import CREATE

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
PROMISED = NOON + timedelta(hours=1)


@pytest.fixture
def waiting(low, stripe):
    """Declined at noon; the next try is promised for one o'clock."""
    decline(stripe, low)
    with clock.at(NOON):
        run(low)
    assert settings_of(low).not_before == PROMISED
    return low


def try_again(wallet, *, at) -> str:
    with clock.at(at):
        saved = configure.try_again(wallet_id=wallet.pk, actor=owner_of(wallet.account))
    return saved.purchase.state


def test_a_declined_try_in_between_keeps_the_promise_and_counts_as_none(waiting):
    assert try_again(waiting, at=NOON + timedelta(minutes=30)) == "declined"

    kept = settings_of(waiting)
    assert (kept.hold_reason, kept.not_before) == ("declined", PROMISED)
    assert kept.consecutive_declines == 1
    # The person read it at once; why nothing was charged stands in the log.
    assert len(told(waiting, "recharge_failed")) == 1
    assert logged(waiting) == ["charge", "failed", "charge", "failed"]
    assert figures(waiting, "failed")["until"] == PROMISED.isoformat()


def test_a_try_at_the_promised_moment_is_the_promised_one(waiting):
    assert try_again(waiting, at=PROMISED) == "declined"

    kept = settings_of(waiting)
    assert kept.consecutive_declines == 2
    assert kept.not_before == PROMISED + timedelta(hours=6)


def test_a_try_in_between_that_ends_the_card_for_good_suspends_at_once(waiting, stripe):
    decline(stripe, waiting, "lost_card")

    assert try_again(waiting, at=NOON + timedelta(minutes=30)) == "declined"

    kept = settings_of(waiting)
    assert (kept.suspended_reason, kept.consecutive_declines) == ("payment_failed", 2)
    assert len(told(waiting, "auto_recharge_suspended")) == 1


def test_a_try_in_between_that_stripe_never_answered_keeps_the_promise(waiting, stripe):
    stripe.fault(kind="500_before", path=CREATE, times=100)
    assert try_again(waiting, at=NOON + timedelta(minutes=10)) == "created"
    stripe.clear_faults()

    with clock.at(NOON + timedelta(minutes=26)):
        tried = waiting.purchases.get(requested_by__isnull=False)
        assert purchases.drive(purchase_id=tried.pk).state == "canceled"

    kept = settings_of(waiting)
    assert (kept.hold_reason, kept.not_before) == ("declined", PROMISED)
    with clock.at(NOON + timedelta(minutes=30)):
        assert run(waiting) == "declined"


def test_a_promise_that_ends_sooner_than_the_gateways_wait_gives_way_to_it(waiting, stripe):
    stripe.fault(kind="500_before", path=CREATE, times=100)
    later = PROMISED - timedelta(minutes=1)
    assert try_again(waiting, at=later - timedelta(minutes=16)) == "created"
    stripe.clear_faults()

    with clock.at(later):
        tried = waiting.purchases.get(requested_by__isnull=False)
        assert purchases.drive(purchase_id=tried.pk).state == "canceled"

    kept = settings_of(waiting)
    assert (kept.hold_reason, kept.not_before) == ("gateway", later + timedelta(minutes=2))
