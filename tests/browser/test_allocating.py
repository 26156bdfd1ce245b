"""Account Manager: finding a sub-account, and its monthly minutes."""

import pytest

from accounts import clock
from accounts.models import Account
from accounts.tests.builders import make_sub_account, owner_of
from tests.browser.people import DESK, PHONE
from tests.browser.world import allocate
from wallets.allocations import runs
from wallets.models import AutoAllocation, Purchase
from wallets.tests.worlds.builders import add_card, make_wallet


@pytest.fixture
def dental(wallet) -> Account:
    account = make_sub_account("Northside Dental", agency=wallet.account)
    make_wallet(account=account, credit="3")
    return account


@pytest.mark.parametrize("width", [DESK, PHONE])
def test_the_guide_from_the_three_dots_to_saved_minutes(enter, stripe, wallet, dental, width):
    add_card(stripe, wallet)
    person = enter(owner_of(wallet.account), width=width)

    person.visit("/payments/").page.click("nav >> text=Account Manager")
    person.page.click("[aria-label='Actions for Northside Dental']")
    person.opens("text=Manage auto allocation", "#id_basic_minutes")
    person.page.fill("#id_basic_minutes", "500")
    person.page.fill("#id_premium_minutes", "1000")
    person.sees("Save and charge $205.00", "#allocation-save")
    said = person.dialog()
    person.page.click("#allocation-save")
    person.sees("Payment received: $205.00.", "dialog")
    person.page.keyboard.press("Escape")
    person.dialog_closes()
    person.sees("500 Basic, 1,000 Premium")

    assert "Estimated monthly charge" in said
    assert "$205.00" in said
    assert "Final billing occurs at runtime." in said
    allocation = AutoAllocation.objects.get(account=dental)
    assert (allocation.basic_minutes, allocation.premium_minutes) == (500, 1000)


def test_minutes_are_set_by_keyboard_alone(owner, stripe, wallet, dental):
    add_card(stripe, wallet)
    owner.visit("/account-manager/").page.focus("[aria-label='Actions for Northside Dental']")
    press = owner.page.keyboard.press

    press("Enter")
    press("Tab")
    press("Enter")
    owner.page.wait_for_selector("dialog[open] #id_basic_minutes:focus")
    press("Escape")
    owner.dialog_closes()
    owner.focuses("[aria-label='Actions for Northside Dental']")
    press("Enter")
    press("Tab")
    press("Enter")
    owner.page.wait_for_selector("dialog[open] #id_basic_minutes:focus")
    owner.page.keyboard.type("500")
    owner.sees("Save and charge $45.00", "#allocation-save")
    press("Enter")
    owner.sees("Payment received: $45.00.", "dialog")

    assert AutoAllocation.objects.get(account=dental).basic_minutes == 500


def test_what_cannot_be_saved_is_said_beside_the_field_and_kept(owner, stripe, wallet, dental):
    add_card(stripe, wallet)
    open_allocation(owner, dental)
    owner.page.fill("#id_basic_minutes", "12.5")

    owner.page.click("#allocation-save")
    owner.sees("Enter a whole number of minutes, 0 or more", "dialog")

    owner.focuses("#id_basic_minutes")
    assert owner.page.input_value("#id_basic_minutes") == "12.5"
    assert not AutoAllocation.objects.filter(account=dental).exists()


def test_a_triple_click_saves_and_charges_once(owner, stripe, wallet, dental):
    add_card(stripe, wallet)
    open_allocation(owner, dental)
    owner.page.fill("#id_basic_minutes", "500")
    owner.sees("Save and charge $45.00", "#allocation-save")

    owner.page.evaluate(
        "for (let i = 0; i < 3; i++) document.getElementById('allocation-save').click()"
    )
    owner.sees("Payment received: $45.00.", "dialog")
    runs.charge_due(now=clock.now())
    runs.charge_due(now=clock.now())

    paid = Purchase.objects.filter(payer=wallet.account, state="succeeded")
    assert [purchase.amount_cents for purchase in paid] == [4500]


def test_without_a_card_there_is_nothing_to_save_but_a_way_to_add_one(owner, dental):
    open_allocation(owner, dental)

    assert "Add a payment method before saving." in owner.dialog()
    assert owner.count("#allocation-save") == 0


def test_the_coming_dates_are_shown_clamped_to_short_months(owner, stripe, wallet, dental):
    add_card(stripe, wallet)
    open_allocation(owner, dental)
    owner.page.fill("#id_basic_minutes", "500")
    owner.page.fill("#id_start_date", "2027-01-31")

    owner.page.click("text=The next 12 charges")
    owner.sees("31 Jan 2027", "dialog")

    assert "28 Feb 2027" in owner.dialog()
    assert "31 Mar 2027" in owner.dialog()
    assert "the month’s last day" in owner.dialog()


def test_both_zero_stops_an_allocation(owner, stripe, wallet, dental):
    allocate(stripe, wallet, dental)
    open_allocation(owner, dental)

    owner.page.fill("#id_basic_minutes", "0")
    owner.sees("Stop allocation", "#allocation-save")
    said = owner.dialog()
    owner.page.click("#allocation-save")
    owner.dialog_closes()

    assert "No more monthly charges for Northside Dental." in said
    assert not AutoAllocation.objects.get(account=dental).active


def test_stop_asks_once_more_before_it_stops(owner, stripe, wallet, dental):
    allocate(stripe, wallet, dental)
    owner.visit(f"/account-manager/{dental.pk}/").opens("a:has-text('Stop')", "#allocation-save")
    said = owner.dialog()
    before = AutoAllocation.objects.get(account=dental).active

    owner.page.click("#allocation-save")
    owner.sees("Monthly allocation for Northside Dental stopped.", "#toasts")

    assert "No more monthly charges for Northside Dental." in said
    assert before
    assert not AutoAllocation.objects.get(account=dental).active


def test_the_panel_skips_the_next_month_and_tells_the_page_behind(owner, stripe, wallet, dental):
    allocate(stripe, wallet, dental)
    open_allocation(owner, dental)

    owner.page.click("dialog >> text=Skip next")
    owner.dialog_closes()
    owner.sees("is skipped.", "#sub-account")

    assert AutoAllocation.objects.get(account=dental).skip_period is not None


def test_a_declined_month_says_when_it_is_tried_again_and_is_retried_from_the_panel(
    owner, stripe, wallet, dental
):
    card = allocate(stripe, wallet, dental, declines="insufficient_funds")
    owner.visit("/account-manager/?status=payment_failed")
    row = owner.text("tr:has-text('Northside Dental')")
    stripe.set_card(card, behaviour="ok")
    owner.page.click("[aria-label='Actions for Northside Dental']")
    owner.opens("text=Manage auto allocation", "#id_basic_minutes")

    owner.page.click("dialog >> text=Retry now")
    owner.sees("Payment received: $45.00.")

    assert "Payment failed Trying again" in row


def test_the_next_month_can_be_skipped_and_charged_after_all(owner, stripe, wallet, dental):
    allocate(stripe, wallet, dental)
    owner.visit(f"/account-manager/{dental.pk}/")

    owner.page.click("text=Skip next")
    owner.sees("The next month is skipped.")
    skipped = AutoAllocation.objects.get(account=dental).skip_period
    owner.page.click("text=Don't skip")
    owner.sees("The next month is charged after all.")

    assert skipped is not None
    assert AutoAllocation.objects.get(account=dental).skip_period is None


def test_a_failed_month_shows_on_its_row_and_retry_now_pays_it(owner, stripe, wallet, dental):
    card = allocate(stripe, wallet, dental, declines="lost_card")
    owner.visit("/account-manager/")
    row = owner.text("tr:has-text('Northside Dental')")
    owner.visit(f"/account-manager/{dental.pk}/")
    stripe.set_card(card, behaviour="ok")

    owner.page.click("text=Retry now")
    owner.sees("Payment received: $45.00. Northside Dental got its minutes.")
    owner.page.click("text=Done")
    owner.sees("Northside Dental", "h1")

    assert "Payment failed" in row
    dental.wallet.refresh_from_db()
    assert dental.wallet.basic_seconds == 30_000


@pytest.mark.usefixtures("dental")
def test_sub_accounts_are_found_by_name_status_and_order(owner, wallet):
    harbor = make_sub_account("Harbor Yoga", agency=wallet.account)
    make_wallet(account=harbor, credit="90")
    owner.visit("/account-manager/")

    owner.page.select_option("#sort", "-balance")
    owner.page.click("text=Find")
    richest_first = owner.text("tbody tr:first-child")
    owner.page.fill("#search", "dental")
    owner.page.press("#search", "Enter")
    owner.sees("Northside Dental", "tbody")

    assert "Harbor Yoga" in richest_first
    assert "Harbor Yoga" not in owner.text("tbody")


def test_a_sub_account_is_added_and_its_owner_invited(owner):
    owner.visit("/account-manager/").opens("#add-sub-account", "#id_name")
    owner.page.fill("#id_name", "Cedar Clinic")
    owner.page.fill("#id_owner_email", "cedar@example.com")

    owner.page.click("dialog button.btn-primary")

    owner.sees("Cedar Clinic added. cedar@example.com was invited.", "#toasts")
    owner.sees("Cedar Clinic", "tbody")


def open_allocation(person, account: Account) -> None:
    person.visit(f"/account-manager/{account.pk}/").opens("#manage-allocation", "#id_basic_minutes")
