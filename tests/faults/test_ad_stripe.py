"""Stripe is down, silent or says no, for long: what we ask of it meanwhile, and how it ends."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import DatabaseError, connection, transaction

from accounts import clock
from accounts.models import Notification
from tests.faults.harness import come_to_rest
from tests.faults.people import automatic, low_balance, taken
from tests.oracle import work_off
from wallets.charging import declines
from wallets.models import AutoRecharge, Purchase
from wallets.prices.amounts import price_of_seconds
from wallets.recharges import auto_recharge

pytestmark = [pytest.mark.faults, pytest.mark.django_db]

INTENTS = "/v1/payment_intents"
CONFIRM = r"/v1/payment_intents/\w+/confirm"


def later(stripe, **step):
    """Both clocks move on; used as a block."""
    duration = timedelta(**step)
    stripe.advance(duration.total_seconds())
    return clock.at(clock.now() + duration)


def test_f7_a_500_that_never_ends_is_resolved_by_reading(stripe):
    situation = automatic(stripe)
    stripe.fault(kind="500_after", path=CONFIRM, method="POST", times=None)
    situation.trigger()
    assert situation.wallet.purchases.get().state == "submitted"

    with later(stripe, minutes=1):
        work_off()

    situation.wallet.refresh_from_db()
    assert (taken(stripe), situation.wallet.credit.amount) == ([5000], Decimal(58))
    assert len(stripe.truth()["payment_intents"]) == 1


def test_f8_after_25_hours_nothing_is_created_or_confirmed(stripe):
    """Stripe has forgotten our keys: it is read, and closed by what it says."""
    situation = automatic(stripe)
    stripe.fault(kind="hang_before", path=CONFIRM, method="POST", times=None, seconds=0.01)
    stripe.fault(kind="reset_before", path=INTENTS, method="GET", times=None)
    situation.trigger()
    purchase = situation.wallet.purchases.get()
    assert purchase.state == "submitted"
    stripe.clear_faults()
    stripe.clear_requests()

    with later(stripe, hours=25):
        from wallets.charging import purchases

        purchase = purchases.drive(purchase_id=purchase.pk)

    assert purchase.state == "canceled"
    posted = [one["path"] for one in stripe.requests(method="POST")]
    assert posted == [f"{INTENTS}/{purchase.payment_intent}/cancel"]
    assert taken(stripe) == []


def test_f12_after_two_hours_without_stripe_each_wallet_is_charged_once(stripe):
    wallets = [low_balance(stripe) for _ in range(5)]
    stripe.fault(kind="reset_before", path="/v1/", times=None)
    began = clock.now()
    with clock.at(began):
        for minute in range(0, 120, 5):
            clock._moment.set(began + timedelta(minutes=minute))
            work_off()
            for wallet in wallets:
                assert wallet.purchases.open().count() <= 1
    assert taken(stripe) == []
    stripe.advance(7200)
    stripe.clear_faults()

    # The abandoned attempts are closed first; then each wallet waits two minutes and is charged.
    for minutes in (120, 124):
        with clock.at(began + timedelta(minutes=minutes)):
            come_to_rest(stripe)

    assert taken(stripe) == [5000] * 5
    for wallet in wallets:
        told = Notification.objects.filter(account=wallet.account)
        assert told.filter(kind="recharge_paid").count() == 1
        # Stripe's trouble is not the card's: nobody is told of a decline.
        assert not told.filter(kind__in=["recharge_failed", "auto_recharge_suspended"]).exists()


STRIPES_OWN = {
    "resource_missing",
    "payment_method_unexpected_state",
}


@pytest.mark.parametrize("code", sorted(declines.HARD))
def test_f50_a_hard_decline_is_tried_once_and_suspends(code, stripe):
    wallet = low_balance(stripe)
    # Stripe's own codes stand where a bank's would not.
    refusal = {"decline_code": "", "code": code} if code in STRIPES_OWN else {"decline_code": code}
    stripe.set_card(wallet.default_payment_method, behaviour=refusal)
    auto_recharge.run(wallet_id=wallet.pk)

    for days in (1, 2, 8):
        with clock.at(clock.now() + timedelta(days=days)):
            work_off()
            auto_recharge.run(wallet_id=wallet.pk)

    automatic_settings = AutoRecharge.objects.get(wallet=wallet)
    assert automatic_settings.suspended_reason == "payment_failed"
    assert len([one for one in stripe.requests(method="POST") if "confirm" in one["path"]]) == 1
    suspended = Notification.objects.filter(account=wallet.account, kind="auto_recharge_suspended")
    assert suspended.count() == 1


@pytest.mark.parametrize("cents", [49, 0, -1, 100_000_000])
def test_f59_the_database_refuses_what_no_form_would_send(cents, stripe):
    wallet = low_balance(stripe)
    with pytest.raises(DatabaseError), transaction.atomic():
        Purchase.objects.create(
            payer=wallet.account,
            wallet=wallet,
            purpose="recharge",
            amount_cents=cents,
            buys="credit",
            payment_method="pm_1",
            card="Visa •••• 4242",
        )
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    assert not Purchase.objects.exists()


def test_f88_the_parts_of_any_number_of_calls_are_the_whole():
    """A million calls of a rate with a thousandth of a cent: exact to the millionth."""
    rate = Decimal("0.00001")
    for seconds in (1, 59, 60, 61, 3599, 86_400):
        one = price_of_seconds(seconds=seconds, rate=rate)
        assert one == (Decimal(seconds) * rate / 60).quantize(
            Decimal("0.000001"), rounding="ROUND_HALF_UP"
        )
        assert sum([one] * 1_000) == one * 1_000
