"""No outcome starts the next try at once for ever: refusals without a code, cancels nobody
explains, and whatever else repeats."""

from datetime import timedelta
from decimal import Decimal

import pytest

from accounts import clock
from accounts.models import StaffAlert
from wallets import limits
from wallets.charging import purchases
from wallets.recharges import auto_recharge, by_hand
from wallets.stripe import gateway
from wallets.tests.worlds.auto_recharge_world import credit, logged, run, settings_of, told
from wallets.tests.worlds.builders import add_card, fill, make_wallet, set_auto_recharge
from wallets.tests.worlds.purchases import CANCEL, cancel_at_stripe, during, refuse_to_confirm

pytestmark = pytest.mark.django_db


@pytest.fixture
def low(stripe):
    """$8 of credit, a good card, and Auto-Recharge below $10."""
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet)
    set_auto_recharge(wallet)
    return wallet


@pytest.fixture
def refuses(monkeypatch):
    refuse_to_confirm(monkeypatch)


def give_up_one(wallet):
    """One attempt that is not wanted any more before it is confirmed."""
    _, purchase = auto_recharge.claim(wallet_id=wallet.pk)
    fill(wallet, credit="2")
    assert purchases.drive(purchase_id=purchase.pk).state == "canceled"
    fill(wallet, credit="-2")


@pytest.mark.usefixtures("refuses")
def test_a_refusal_without_a_code_is_a_decline_and_waits_like_one(low):
    start = clock.now()
    with clock.at(start):
        assert run(low) == "charge"

    purchase = low.purchases.get()
    assert (purchase.state, purchase.decline_code) == ("declined", "unexplained")
    assert purchase.error_text == (
        "Visa •••• 4242 was declined without a reason. You were not charged. "
        "Use another card, or contact support."
    )
    kept = settings_of(low)
    assert (kept.hold_reason, kept.not_before) == ("declined", start + timedelta(hours=1))
    with clock.at(start + timedelta(minutes=59)):
        assert run(low) == "declined"
    assert low.purchases.count() == 1


@pytest.mark.usefixtures("refuses")
def test_refusals_without_a_code_suspend_at_the_third_instead_of_repeating(low):
    start = clock.now()

    for hours in (0, 1, 7):
        with clock.at(start + timedelta(hours=hours)):
            assert run(low) == "charge"

    assert settings_of(low).suspended_reason == "payment_failed"
    with clock.at(start + timedelta(days=9)):
        assert run(low) == "suspended"
    assert low.purchases.count() == 3
    assert credit(low) == 8


def test_a_card_error_without_any_code_is_a_decline(low, stripe):
    stripe.set_card(low.default_payment_method, behaviour={"decline_code": ""})

    assert run(low) == "charge"

    assert low.purchases.get().state == "declined"
    assert settings_of(low).hold_reason == "declined"


@pytest.mark.usefixtures("refuses")
def test_a_person_reads_why_a_refusal_without_a_code_took_no_money(low):
    purchase = by_hand.recharge(
        wallet_id=low.pk, actor=None, amount=Decimal(5), buys="credit", form_key="one"
    )

    assert (purchase.state, purchase.error_text[:46]) == (
        "declined",
        "Visa •••• 4242 was declined without a reason. ",
    )


def test_a_cancel_that_nobody_explains_counts_as_a_failure(low, monkeypatch):
    cancel_at_stripe(monkeypatch)
    start = clock.now()
    with clock.at(start):
        assert run(low) == "charge"

    purchase = low.purchases.get()
    assert (purchase.state, purchase.given_up_at) == ("canceled", None)
    assert purchase.error_text == (
        "The payment was canceled without a reason. You were not charged."
    )
    kept = settings_of(low)
    assert (kept.hold_reason, kept.not_before) == ("declined", start + timedelta(hours=1))
    assert kept.consecutive_declines == 1
    assert logged(low) == ["charge", "failed"]
    [text] = told(low, "recharge_failed")
    assert text.startswith("Auto-Recharge failed: The payment was canceled without a reason.")


def test_a_cancel_of_ours_is_explained(low):
    give_up_one(low)

    purchase = low.purchases.get()
    assert purchase.given_up_at is not None
    assert purchase.error_text == ""
    assert settings_of(low).consecutive_declines == 0


def test_an_attempt_that_was_to_be_given_up_and_is_confirmed_after_all_is_not_given_up(low, stripe):
    _, purchase = auto_recharge.claim(wallet_id=low.pk)
    fill(low, credit="2")
    stripe.fault(kind="500_before", path=CANCEL, times=3)
    assert purchases.drive(purchase_id=purchase.pk).state == "submitted"
    fill(low, credit="-2")
    stripe.clear_faults()

    purchase = purchases.drive(purchase_id=purchase.pk)

    assert (purchase.state, purchase.given_up_at) == ("succeeded", None)


def test_one_that_grew_too_old_to_be_confirmed_is_not_followed_at_once(low, monkeypatch):
    _, purchase = auto_recharge.claim(wallet_id=low.pk)
    later = purchase.created_at + timedelta(minutes=16)
    during(monkeypatch, "find_intent", lambda facts: None)
    gateway.create_intent(
        key=f"{purchase.pk}:create",
        amount=5000,
        customer=purchase.payer.stripe_customer,
        payment_method=purchase.payment_method,
        metadata={"purchase": str(purchase.pk), "purpose": purchase.purpose},
        description="thinkrr Auto-Recharge",
    )

    with clock.at(later):
        assert purchases.drive(purchase_id=purchase.pk).state == "canceled"

    kept = settings_of(low)
    assert (kept.hold_reason, kept.not_before) == ("gateway", later + timedelta(minutes=2))


def test_six_attempts_in_ten_minutes_are_followed_by_an_hours_rest(low):
    start = clock.now()
    for minute in range(6):
        with clock.at(start + timedelta(minutes=minute)):
            give_up_one(low)

    braked = start + timedelta(minutes=6)
    with clock.at(braked):
        assert run(low) == "too_many_tries"
        assert run(low) == "too_many_tries"

    assert low.purchases.count() == limits.INTENTS_PER_WINDOW == 6
    kept = settings_of(low)
    assert (kept.hold_reason, kept.not_before) == ("too_many_tries", braked + timedelta(hours=1))
    assert told(low, "auto_recharge_waits") == [
        "Auto-Recharge tried six times in ten minutes, so it waits an hour. Support looks into it."
    ]
    alert = StaffAlert.objects.get(kind="charges_braked")
    assert alert.text == (
        f"{low.account.name}: Auto-Recharge tried six times in ten minutes, so it waits an hour."
    )
    assert alert.data == {"account": str(low.account_id)}
    with clock.at(braked + timedelta(minutes=59, seconds=59)):
        assert run(low) == "too_many_tries"
    with clock.at(braked + timedelta(hours=1)):
        assert run(low) == "charge"


def test_five_attempts_in_ten_minutes_stop_nothing(low):
    start = clock.now()
    with clock.at(start):
        give_up_one(low)
    for second in range(1, 6):
        with clock.at(start + timedelta(seconds=second)):
            give_up_one(low)

    with clock.at(start + limits.CHARGE_WINDOW):
        assert run(low) == "charge"

    assert not StaffAlert.objects.exists()


def test_attempts_of_one_wallet_stop_no_other(low, stripe):
    other = make_wallet(credit="8")
    add_card(stripe, other)
    set_auto_recharge(other)
    for _ in range(6):
        give_up_one(low)

    assert (run(low), run(other)) == ("too_many_tries", "charge")
