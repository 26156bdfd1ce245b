"""Payments that wait for the bank: confirmed, refused, given up, or too late."""

from datetime import timedelta
from decimal import Decimal

import pytest

from accounts import clock
from accounts.models import StaffAlert
from wallets.cards import keeping
from wallets.charging import purchases
from wallets.recharges import auto_recharge, by_hand, suspensions, switching_off
from wallets.stripe import gateway
from wallets.tests.worlds.builders import (
    BANK_ASKS_CARD,
    OTHER_GOOD_CARD,
    add_card,
    fill,
    make_wallet,
    set_auto_recharge,
)
from wallets.tests.worlds.purchases import CONFIRM, claim, credit, keys

pytestmark = pytest.mark.django_db


def test_a_card_that_wants_the_bank_waits_for_it_without_a_decline(stripe):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet, BANK_ASKS_CARD)
    set_auto_recharge(wallet)

    purchase = purchases.drive(purchase_id=claim(wallet).pk)

    assert purchase.state == "requires_action"
    assert "bank" in purchase.error_text
    assert credit(wallet) == 8
    wallet.auto_recharge.refresh_from_db()
    assert wallet.auto_recharge.suspended_reason == "authentication_required"
    assert wallet.auto_recharge.consecutive_declines == 0


def test_confirming_with_the_bank_credits_once_and_lifts_the_suspension(stripe):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet, BANK_ASKS_CARD)
    set_auto_recharge(wallet)
    purchase = purchases.drive(purchase_id=claim(wallet).pk)

    url = by_hand.confirm_with_bank(purchase_id=purchase.pk, return_url="http://testserver/back")
    again = by_hand.confirm_with_bank(purchase_id=purchase.pk, return_url="http://testserver/back")
    stripe.answer_bank(purchase.payment_intent, approved=True)
    purchase = purchases.settle(payment_intent=purchase.payment_intent)

    assert url == again
    assert purchase.attempts == 2  # One by us, one with the person there.
    assert keys(stripe, purchase) == ["create", "confirm:1", "confirm:2"]
    assert url.startswith(stripe.base_url)
    assert (purchase.state, credit(wallet)) == ("succeeded", Decimal("58.00"))
    # The question of the bank has been answered.
    assert (purchase.error_text, purchase.decline_code) == ("", "")
    wallet.auto_recharge.refresh_from_db()
    assert wallet.auto_recharge.suspended_reason == ""


def test_refusing_at_the_bank_declines_and_the_suspension_stays(stripe):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet, BANK_ASKS_CARD)
    set_auto_recharge(wallet)
    purchase = purchases.drive(purchase_id=claim(wallet).pk)
    by_hand.confirm_with_bank(purchase_id=purchase.pk, return_url="http://testserver/back")

    stripe.answer_bank(purchase.payment_intent, approved=False)
    purchase = purchases.settle(payment_intent=purchase.payment_intent)

    assert (purchase.state, credit(wallet)) == ("declined", 8)
    wallet.auto_recharge.refresh_from_db()
    assert wallet.auto_recharge.suspended_reason == "authentication_required"


def test_what_waits_for_the_bank_is_canceled_at_stripe_and_then_here(stripe):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet, BANK_ASKS_CARD)
    set_auto_recharge(wallet)
    purchase = purchases.drive(purchase_id=claim(wallet).pk)

    assert purchases.cancel(purchase_id=purchase.pk).state == "canceled"

    assert [intent["status"] for intent in stripe.truth()["payment_intents"]] == ["canceled"]
    assert credit(wallet) == 8


def test_a_link_to_the_bank_ends_after_a_day(stripe):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet, BANK_ASKS_CARD)
    set_auto_recharge(wallet)
    purchase = purchases.drive(purchase_id=claim(wallet).pk)

    with clock.at(clock.now() + timedelta(hours=24, minutes=1)):
        purchase = purchases.drive(purchase_id=purchase.pk)

    assert purchase.state == "canceled"
    wallet.auto_recharge.refresh_from_db()
    assert wallet.auto_recharge.suspended_reason == "authentication_required"


@pytest.mark.parametrize(
    ("later", "state"),
    [(timedelta(hours=24), "requires_action"), (timedelta(hours=24, seconds=1), "canceled")],
)
def test_a_link_to_the_bank_lives_exactly_a_day(stripe, later, state):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet, BANK_ASKS_CARD)
    set_auto_recharge(wallet)
    purchase = purchases.drive(purchase_id=claim(wallet).pk)

    with clock.at(purchase.submitted_at + later):
        assert purchases.drive(purchase_id=purchase.pk).state == state


def test_a_link_that_was_found_after_its_day_is_canceled_at_once(stripe):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet, BANK_ASKS_CARD)
    set_auto_recharge(wallet)
    stripe.fault(kind="reset_after", path=CONFIRM, method="POST", times=3)
    purchase = purchases.drive(purchase_id=claim(wallet).pk)
    stripe.clear_faults()
    assert purchase.state == "submitted"

    with clock.at(purchase.submitted_at + timedelta(hours=24, seconds=1)):
        assert purchases.drive(purchase_id=purchase.pk).state == "canceled"


def test_an_intent_that_waits_for_the_bank_makes_its_purchase_wait(low, stripe):
    card = add_card(stripe, low, BANK_ASKS_CARD)
    set_auto_recharge(low, payment_method=card.id)
    stripe.fault(kind="500_before", path=CONFIRM, times=9)
    purchase = purchases.drive(purchase_id=claim(low).pk)
    stripe.clear_faults()
    gateway.confirm_on_session(
        key="a person",
        intent_id=purchase.payment_intent,
        payment_method=card.id,
        return_url="http://localhost/",
    )

    assert purchases.drive(purchase_id=purchase.pk).state == "requires_action"

    assert low.account.notifications.filter(kind="action_required").count() == 1
    assert credit(low) == 8


def test_a_payment_that_still_waits_for_the_bank_suspends_nothing_anew(low, stripe):
    card = add_card(stripe, low, BANK_ASKS_CARD)
    set_auto_recharge(low, payment_method=card.id)
    purchase = purchases.drive(purchase_id=claim(low).pk)
    suspensions.lift_by_support(wallet_id=low.pk)

    assert purchases.drive(purchase_id=purchase.pk).state == "requires_action"

    low.auto_recharge.refresh_from_db()
    assert low.auto_recharge.suspended_reason == ""


def test_waiting_for_the_bank_is_not_an_unknown_outcome(stripe):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet, BANK_ASKS_CARD)
    set_auto_recharge(wallet)
    purchases.drive(purchase_id=claim(wallet).pk)

    with clock.at(clock.now() + timedelta(hours=2)):
        purchases.report_unknown()

    assert not StaffAlert.objects.filter(kind="purchase_unknown").exists()


@pytest.mark.parametrize("after", [timedelta(minutes=5), timedelta(minutes=20)])
def test_what_waits_for_the_bank_makes_way_for_another_card(stripe, after):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet, BANK_ASKS_CARD)
    set_auto_recharge(wallet)
    waiting = purchases.drive(purchase_id=claim(wallet).pk)
    other = add_card(stripe, wallet, OTHER_GOOD_CARD)

    keeping.make_default(account=wallet.account, card_id=other.id)
    auto_recharge.payment_method_changed(wallet_id=wallet.pk)
    with clock.at(clock.now() + after):
        assert purchases.drive(purchase_id=waiting.pk).state == "canceled"
    with clock.at(clock.now() + after + timedelta(minutes=2)):
        assert auto_recharge.run(wallet_id=wallet.pk).code == "charge"

    assert credit(wallet) == 58
    [paid] = wallet.purchases.filter(state="succeeded")
    assert paid.payment_method == other.id


def switched_off(wallet, _card):
    switching_off.switch_off(wallet_id=wallet.pk, why="a person did")


def saved_and_not_chosen(_wallet, _card):
    pass


def chosen_when_there_is_enough(wallet, card):
    fill(wallet, credit="50")
    keeping.make_default(account=wallet.account, card_id=card.id)
    auto_recharge.payment_method_changed(wallet_id=wallet.pk)


@pytest.mark.parametrize(
    "change", [switched_off, saved_and_not_chosen, chosen_when_there_is_enough]
)
def test_what_waits_for_the_bank_and_is_in_nobodys_way_goes_on_waiting(stripe, change):
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet, BANK_ASKS_CARD)
    set_auto_recharge(wallet)
    waiting = purchases.drive(purchase_id=claim(wallet).pk)

    change(wallet, add_card(stripe, wallet, OTHER_GOOD_CARD))

    assert purchases.drive(purchase_id=waiting.pk).state == "requires_action"
