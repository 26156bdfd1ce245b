"""Auto-Recharge, as the guide sets it up, and what its card says in every state."""

from decimal import Decimal

import pytest

from accounts.tests.builders import owner_of
from tests.browser.hands import Keyboard
from tests.browser.people import DESK, PHONE
from wallets.models import AutoRecharge, Purchase
from wallets.recharges import auto_recharge
from wallets.tests.worlds.builders import (
    DECLINED_CARD,
    OTHER_GOOD_CARD,
    add_card,
    set_auto_recharge,
)


def open_configure(person) -> None:
    person.visit("/payments/").opens("#configure", "#id_threshold")


@pytest.mark.parametrize("width", [DESK, PHONE])
def test_the_guide_from_payments_to_the_first_charge(enter, wallet, width):
    person = enter(owner_of(wallet.account), width=width)
    person.visit("/login/").visit("/payments/")

    person.page.click("text=Add payment method")
    person.page.fill("#number", "4242 4242 4242 4242")
    person.page.click("text=Save card")
    person.sees("Visa •••• 4242 added.")
    person.opens("#configure", "#id_threshold")
    person.page.fill("#id_threshold", "10")
    person.page.fill("#id_amount", "50")
    person.page.check("#id_enabled")
    person.sees("Save and charge $50.00", "#auto-save")
    said = person.dialog()
    person.page.click("#auto-save")
    person.sees("Payment received: $50.00. New balance $58.20.", "dialog")
    person.page.click("dialog >> text=Done")
    person.sees("When the balance drops below $10.00, charge $50.00 to Visa •••• 4242.")

    assert "Your balance ($8.20) is already below $10.00." in said
    assert "Visa •••• 4242 will be charged $50.00 now" in said
    assert person.text(".amount") == "$58.20"
    assert Purchase.objects.filter(wallet=wallet, state="succeeded").count() == 1


def test_an_error_keeps_what_was_typed_and_takes_the_focus(owner, stripe, wallet):
    add_card(stripe, wallet)
    open_configure(owner)

    owner.page.fill("#id_threshold", "0.10")
    owner.page.click("#auto-save")
    owner.page.wait_for_selector("#id_threshold_error")

    owner.focuses("#id_threshold")
    assert owner.page.input_value("#id_threshold") == "0.10"
    described = owner.page.get_attribute("#id_threshold", "aria-describedby")
    assert "id_threshold_error" in described


def test_saving_what_charges_nothing_closes_the_dialog_and_says_so(owner, stripe, wallet):
    add_card(stripe, wallet)
    open_configure(owner)
    owner.page.check("#id_enabled")
    owner.sees("Save and charge $50.00", "#auto-save")
    owner.page.fill("#id_threshold", "5")
    owner.sees("Nothing is charged now.", "#auto-preview")

    owner.page.click("#auto-save")

    owner.sees("Auto-Recharge saved.", "#toasts")
    owner.dialog_closes()
    owner.sees("When the balance drops below $5.00")
    owner.focuses("#configure")
    assert not Purchase.objects.filter(wallet=wallet).exists()


def test_everything_can_be_done_with_the_keyboard_alone(owner, stripe, wallet):
    add_card(stripe, wallet)
    owner.visit("/payments/")
    hand, press = Keyboard(owner), owner.page.keyboard.press

    hand.press("#configure")
    owner.page.wait_for_selector("dialog[open] #id_enabled:focus")
    press("Space")
    hand.fill("#id_threshold", "5")
    hand.fill("#id_amount", "25")
    press("Escape")
    owner.dialog_closes()
    owner.focuses("#configure")
    press("Enter")
    owner.page.wait_for_selector("dialog[open] #id_enabled:focus")
    press("Space")
    hand.fill("#id_threshold", "5")
    press("Enter")
    owner.sees("Auto-Recharge saved.", "#toasts")

    automatic = AutoRecharge.objects.get(wallet=wallet)
    assert hand.wrong == []
    assert (automatic.enabled, automatic.threshold.amount) == (True, 5)


def test_the_keyboard_never_leaves_an_open_dialog(owner, stripe, wallet):
    add_card(stripe, wallet)
    open_configure(owner)

    visited = set()
    for _ in range(20):
        owner.page.keyboard.press("Tab")
        visited.add(
            owner.page.evaluate(
                "document.activeElement === document.body "
                "|| document.activeElement.closest('dialog') !== null"
            )
        )

    assert visited == {True}


def test_settings_stay_saved_when_the_first_charge_is_declined(owner, stripe, wallet):
    add_card(stripe, wallet, DECLINED_CARD)
    open_configure(owner)
    owner.page.check("#id_enabled")
    owner.sees("Save and charge $50.00", "#auto-save")

    owner.page.click("#auto-save")
    owner.page.wait_for_selector("dialog [role=alert] >> text=Settings saved, but Visa")
    owner.sees("Use another card", "dialog")
    owner.page.keyboard.press("Escape")
    owner.sees("Retrying")

    assert AutoRecharge.objects.get(wallet=wallet).enabled


def test_another_card_ends_a_suspension(owner, stripe, wallet):
    card = add_card(stripe, wallet)
    stripe.set_card(card.id, behaviour={"decline_code": "lost_card"})
    other = add_card(stripe, wallet, OTHER_GOOD_CARD)
    set_auto_recharge(wallet, threshold=10, amount=50)
    auto_recharge.run(wallet_id=wallet.pk)

    owner.visit("/payments/")
    suspended = owner.text("main")
    owner.sees("Update payment method", "#low-balance")
    owner.opens("#configure", "#id_payment_method")
    owner.page.select_option("#id_payment_method", other.id)
    owner.sees("Save and charge $50.00", "#auto-save")
    owner.page.click("#auto-save")
    owner.sees("Payment received: $50.00.", "dialog")

    assert "Suspended: payment failed" in suspended
    assert AutoRecharge.objects.get(wallet=wallet).suspended_at is None


@pytest.mark.parametrize("javascript", [True, False])
def test_an_old_tab_overwrites_nothing_before_it_has_shown_what_another_saved(
    enter, stripe, wallet, javascript
):
    add_card(stripe, wallet)
    person = enter(owner_of(wallet.account), javascript=javascript)
    at = "/payments/auto-recharge/"
    if javascript:
        person.visit("/payments/").opens("#configure", "#id_threshold")
    else:
        person.visit(at)
    person.page.fill("#id_threshold", "5")
    second = person.context.new_page()
    second.goto(at)
    second.fill("#id_threshold", "7")
    second.click("#auto-save")
    second.wait_for_selector("text=Auto-Recharge saved.")

    person.page.click("#auto-save")
    person.sees("These settings were changed by you at", "#auto-form")
    said = person.text("#auto-form")
    kept, typed = level(wallet), person.page.input_value("#id_threshold")
    person.page.click("#auto-save")
    person.sees("Auto-Recharge saved.")

    assert "Minimum Threshold is $7.00 now." in said
    assert "Nothing was saved or charged yet. Save again to keep yours." in said
    assert (kept, typed, level(wallet)) == (7, "5", 5)


def level(wallet) -> Decimal:
    return AutoRecharge.objects.get(wallet=wallet).threshold.amount
