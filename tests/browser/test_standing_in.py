"""The backup card and own alerts, as an owner sets them up and meets them."""

import pytest

from accounts.tests.builders import owner_of
from tests.browser.people import DESK, PHONE
from wallets.models import Alert, Purchase
from wallets.tests.worlds.builders import OTHER_GOOD_CARD, add_card


@pytest.mark.parametrize("width", [DESK, PHONE])
def test_a_backup_card_is_chosen_and_pays_what_the_first_card_was_declined(
    enter, stripe, wallet, width
):
    card = add_card(stripe, wallet)
    add_card(stripe, wallet, OTHER_GOOD_CARD)
    person = enter(owner_of(wallet.account), width=width)
    person.visit("/login/").visit("/payments/")

    person.page.click("[aria-label='Actions for Mastercard •••• 4444']")
    person.page.click("text=Make backup")
    person.sees("Mastercard •••• 4444 is your backup card now.")
    stripe.set_card(card.id, behaviour={"decline_code": "insufficient_funds"})
    person.opens("#configure", "#id_threshold")
    person.page.check("#id_enabled")
    person.sees("Save and charge $50.00", "#auto-save")
    said = person.dialog()
    person.page.click("#auto-save")
    person.sees("Visa •••• 4242 was declined; $50.00 was charged to your backup card", "dialog")
    person.page.click("dialog >> text=Done")
    person.sees("Your backup card Mastercard •••• 4444 is charged instead")

    assert "If it is declined, your backup card Mastercard •••• 4444 is tried once." in said
    assert person.overflow() == 0
    assert sorted(Purchase.objects.filter(wallet=wallet).values_list("state", flat=True)) == [
        "declined",
        "succeeded",
    ]


def test_a_declined_payment_by_hand_offers_the_backup_card_and_charges_it_once_asked(
    owner, stripe, wallet
):
    card = add_card(stripe, wallet)
    add_card(stripe, wallet, OTHER_GOOD_CARD)
    owner.visit("/payments/")
    owner.page.click("[aria-label='Actions for Mastercard •••• 4444']")
    owner.page.click("text=Make backup")
    owner.sees("Mastercard •••• 4444 is your backup card now.")
    stripe.set_card(card.id, behaviour={"decline_code": "insufficient_funds"})

    owner.opens("#add-credit", "#id_amount")
    owner.page.fill("#id_amount", "50")
    owner.page.check("[name=buys][value=credit]")
    owner.page.click("dialog >> text=Pay $50.00")
    owner.page.click("dialog >> text=Use your backup card Mastercard •••• 4444")
    chosen = "dialog option:checked:has-text('Mastercard •••• 4444')"
    owner.page.wait_for_selector(chosen, state="attached")
    assert not Purchase.objects.filter(wallet=wallet, state="succeeded").exists()
    owner.page.click("dialog >> text=Pay $50.00")
    owner.sees("Payment received: $50.00.", "dialog")

    paid = Purchase.objects.get(wallet=wallet, state="succeeded")
    assert (paid.card, paid.instead_of) == ("Mastercard •••• 4444", "")


@pytest.mark.parametrize("javascript", [True, False])
def test_an_alert_is_added_previewed_and_removed_with_and_without_javascript(
    enter, wallet, javascript
):
    person = enter(owner_of(wallet.account), javascript=javascript)
    person.visit("/settings/alerts/")
    person.sees("No alerts of your own yet.")

    person.page.click("text=Add alert")
    person.sees("Enter more than 0 and at most 1,000,000")
    person.page.select_option("#id_kind", "runway")
    person.page.fill("#id_level", "3")
    person.page.fill("#id_addresses", "books@example.com")
    person.page.click("text=Add alert")
    person.sees("Lasts for less than 3 days")
    person.sees("To Owners and admins, books@example.com.")

    person.page.click("[aria-label='Actions for Lasts for less than 3 days']")
    person.page.click("text=Preview the mail")
    person.sees("your balance and minutes last about 2 days, less than 3 days.")
    person.page.click("text=Back to Alerts")
    person.page.click("[aria-label='Actions for Lasts for less than 3 days']")
    person.page.click("text=Remove")
    person.sees("No alerts of your own yet.")
    assert not Alert.objects.filter(wallet=wallet).exists()


def test_an_alert_is_added_by_keyboard_alone(owner, wallet):
    owner.visit("/settings/alerts/")
    owner.page.focus("#id_level")

    owner.page.keyboard.type("25")
    for _ in range(4):
        owner.page.keyboard.press("Tab")
    owner.page.keyboard.press("Enter")
    owner.sees("Balance below $25.00")

    alert = Alert.objects.get(wallet=wallet)
    assert (alert.level, alert.people) == (25, "managers")
