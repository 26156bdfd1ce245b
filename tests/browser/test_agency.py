"""Account Manager as an agency's day begins: who needs it, and what it does for one or several."""

import pytest

from accounts.models import Account, Notification
from accounts.tests.builders import make_sub_account, owner_of
from campaigns.tests.builders import make_campaign
from tests.browser.people import DESK, PHONE
from wallets.allocations import asks
from wallets.models import AutoAllocation, MinuteAsk, Purchase, Wallet
from wallets.tests.worlds.builders import add_card, make_wallet


@pytest.fixture
def dental(wallet) -> Account:
    account = make_sub_account("Northside Dental", agency=wallet.account)
    make_wallet(account=account, credit="3")
    make_wallet(account=make_sub_account("Aardvark Spa", agency=wallet.account), credit="100")
    return account


def ask(account) -> MinuteAsk:
    return asks.ask(
        account=account,
        actor=owner_of(account),
        basic_minutes=0,
        premium_minutes=500,
        words="Recalls start on Monday",
    )


@pytest.mark.parametrize("width", [DESK, PHONE])
def test_what_a_sub_account_asks_for_is_given_from_its_row(enter, stripe, wallet, dental, width):
    add_card(stripe, wallet)
    make_campaign(dental, status="low_balance")
    ask(dental)
    person = enter(owner_of(wallet.account), width=width)

    person.visit("/account-manager/")
    first = person.text("tbody tr >> nth=0")
    person.opens("tbody >> text=Give or decline", "#id_premium_minutes")
    said = person.dialog()
    person.page.click("#gift-pay")
    person.sees("Payment received: $80.00.", "dialog")
    person.page.keyboard.press("Escape")
    person.dialog_closes()
    person.page.wait_for_selector("tbody >> text=asks for", state="detached")
    person.sees("500 Premium", "tbody")

    assert "1 campaign paused; asks for 500 Premium minutes" in first
    assert "“Recalls start on Monday”" in said
    assert MinuteAsk.objects.get(account=dental).state == "given"
    assert Wallet.objects.get(account=dental).premium_seconds == 30_000


def test_an_ask_is_declined_with_a_reason(owner, stripe, wallet, dental):
    add_card(stripe, wallet)
    asked = ask(dental)
    owner.visit(f"/account-manager/{dental.pk}/")

    owner.opens("text=Give or decline", "#gift-pay")
    owner.page.click("dialog >> text=Decline instead")
    owner.page.fill("#decline-answer", "Next week")
    owner.page.click("dialog >> button:has-text('Decline')")
    owner.dialog_closes()

    asked.refresh_from_db()
    assert (asked.state, asked.answer) == ("declined", "Next week")
    assert not Purchase.objects.filter(wallet__account=dental).exists()


def test_a_page_says_the_new_name_and_offers_what_can_be_done_now(owner, dental):
    owner.visit(f"/account-manager/{dental.pk}/")

    owner.page.click("#page-head button[aria-label^='More for']")
    owner.opens("#manage-menu >> text=Rename", "#id_name")
    owner.page.fill("#id_name", "Harbor Dental")
    owner.page.click("dialog >> button:has-text('Rename')")
    owner.dialog_closes()
    owner.sees("Harbor Dental", "h1")
    named = owner.text("#crumbs"), owner.page.title()
    owner.page.click("#page-head button[aria-label='More for Harbor Dental']")
    owner.opens("#manage-menu >> text=Archive", "button.btn-danger")
    owner.page.click("dialog >> button:has-text('Archive Harbor Dental')")
    owner.dialog_closes()
    owner.sees("is archived since", "main")

    assert "Harbor Dental" in named[0]
    assert named[1].startswith("Harbor Dental")
    assert owner.count("#manage-allocation") == 0
    assert owner.count("#give-minutes") == 0
    owner.page.click("#page-head button[aria-label='More for Harbor Dental']")
    owner.sees("Bring back", "#manage-menu")


@pytest.mark.usefixtures("dental")
def test_the_heading_counts_the_sub_account_that_was_added(owner):
    owner.visit("/account-manager/")
    before = owner.text("#page-head")

    owner.opens("#add-sub-account", "#id_owner_email")
    owner.page.fill("#id_name", "Westside Law")
    owner.page.fill("#id_owner_email", "owner@westside.example")
    owner.page.click("dialog >> button.btn-primary")
    owner.dialog_closes()
    owner.sees("Westside Law", "tbody")

    assert "2 sub-accounts" in before
    assert "3 sub-accounts" in owner.text("#page-head")


def test_several_are_allocated_to_by_keyboard_with_the_sum_told_first(
    owner, stripe, wallet, dental
):
    add_card(stripe, wallet)
    owner.visit("/account-manager/")

    owner.page.focus("input[name=everyone]")
    owner.page.keyboard.press("Space")
    owner.page.focus("button:has-text('Set allocation')")
    owner.page.keyboard.press("Enter")
    owner.page.wait_for_selector("dialog[open] #id_basic_minutes")
    owner.settles()
    owner.page.fill("#id_basic_minutes", "100")
    owner.page.focus("dialog button:has-text('Review the sum')")
    owner.page.keyboard.press("Enter")
    owner.sees("Will charge $18.00 now, and $18.00 each month.", "dialog")
    owner.page.focus("dialog button:has-text('Save and charge $18.00')")
    owner.page.keyboard.press("Enter")
    owner.sees("Set for 2 sub-accounts.", "dialog")

    set_now = AutoAllocation.objects.filter(agency=wallet.account, active=True, basic_minutes=100)
    assert set_now.count() == 2
    assert AutoAllocation.objects.filter(account=dental).exists()


def test_ticked_ones_are_written_to_without_javascript(enter, wallet, dental):
    person = enter(owner_of(wallet.account), javascript=False)
    person.visit("/account-manager/")

    person.page.check(f"input[name=chosen][value='{dental.pk}']")
    person.page.click("text=Send a notice")
    person.page.fill("#id_text", "We are closed on Friday.")
    person.page.click("text=Send to 1")

    assert "1 sub-account told." in person.text()
    told = Notification.objects.filter(kind="agency_notice", account__agency=wallet.account)
    assert [one.account for one in told] == [dental]


def test_minutes_are_given_without_javascript_after_the_sum_was_shown(
    enter, stripe, wallet, dental
):
    add_card(stripe, wallet)
    person = enter(owner_of(wallet.account), javascript=False)
    person.visit(f"/account-manager/{dental.pk}/give-minutes/")

    person.page.fill("#id_premium_minutes", "100")
    person.page.click("#gift-pay")
    reviewed = person.text("main")
    person.page.click("#gift-pay")

    assert "$16.00 will be charged now. Check and give." in reviewed
    assert "Payment received: $16.00." in person.text("main")
    assert Wallet.objects.get(account=dental).premium_seconds == 6000


def test_a_sub_account_asks_from_payments(enter, dental):
    person = enter(owner_of(dental))
    person.visit("/payments/")

    person.opens("#ask-for-minutes", "#id_premium_minutes")
    person.page.fill("#id_premium_minutes", "250")
    person.page.click("dialog >> text=Ask Brightline Agency")
    person.dialog_closes()
    person.sees("Waiting for an answer")

    assert MinuteAsk.objects.get(account=dental).premium_minutes == 250


def test_the_last_answer_lost_on_the_way_is_found_again(owner, stripe, wallet, dental):
    add_card(stripe, wallet)
    owner.visit(f"/account-manager/{dental.pk}/")
    owner.opens("#give-minutes", "#id_premium_minutes")
    owner.page.fill("#id_premium_minutes", "100")
    owner.sees("Give and charge $16.00", "#gift-pay")

    def lose(route):
        route.fetch()
        route.abort()

    owner.page.route("**/give-minutes/", lose)
    owner.page.click("#gift-pay")
    owner.sees("Payment received: $16.00.", "dialog")

    assert Purchase.objects.get(wallet__account=dental).state == "succeeded"


@pytest.mark.parametrize("width", [PHONE, 683, 820, 1024])
def test_what_is_said_of_a_sub_account_stands_under_its_name(enter, wallet, dental, width):
    person = enter(owner_of(wallet.account), width=width)
    person.visit("/account-manager/")

    row = person.page.locator("tbody tr", has_text=dental.name)
    parts = [row.locator(one).first for one in ("th a", ".order-3 .badge", ".allocated")]

    assert len({round(one.bounding_box()["x"]) for one in parts}) == 1
