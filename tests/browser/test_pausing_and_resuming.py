"""Campaigns: the low-balance banner, Recharge, and Resume as one flow; pausing by hand."""

import pytest

from accounts.tests.builders import owner_of
from campaigns.models import Campaign
from campaigns.tests.builders import make_campaign
from tests.browser.hands import Keyboard
from tests.browser.people import DESK, PHONE
from wallets.tests.worlds.builders import add_card, fill


def paused(wallet, minute_type: str, name: str) -> Campaign:
    return make_campaign(wallet.account, minute_type=minute_type, name=name, status="low_balance")


def status_of(campaign: Campaign) -> str:
    return Campaign.objects.get(pk=campaign.pk).status


@pytest.mark.parametrize("width", [DESK, PHONE])
def test_the_guide_from_the_banner_to_running_campaigns(enter, stripe, wallet, width):
    fill(wallet, credit="-8.20")
    add_card(stripe, wallet)
    basic = paused(wallet, "basic", "Spring recall")
    premium = paused(wallet, "premium", "Reactivation")
    person = enter(owner_of(wallet.account), width=width)

    person.visit("/settings/")
    person.sees("2 campaigns paused: balance too low.", "#low-balance")
    person.opens("#low-balance a:has-text('Recharge')", "#id_amount")
    person.page.fill("#id_amount", "50")
    person.page.check("input[name=buys][value=basic]")
    person.sees("Pay $50.00", "#recharge-pay")
    person.page.click("#recharge-pay")
    person.page.wait_for_selector("dialog >> text=Campaigns to resume")
    offered = person.page.locator("dialog input[name=campaign]:enabled")
    refused = person.page.locator("dialog input[name=campaign]:disabled")
    counts = (offered.count(), refused.count())
    said = person.dialog()
    person.page.click("#resume-button")
    person.sees("1 campaign resumed.", "#toasts")

    assert counts == (1, 1)
    assert "Needs Premium minutes" in said
    assert (status_of(basic), status_of(premium)) == ("started", "paused")


def test_from_the_banner_to_running_campaigns_with_the_keyboard_alone(enter, stripe, wallet):
    fill(wallet, credit="-8.20")
    add_card(stripe, wallet)
    campaign = paused(wallet, "premium", "Spring recall")
    person = enter(owner_of(wallet.account), scheme="dark")
    hand = Keyboard(person)
    hand.visit("/payments/")
    hand.sees("1 campaign paused: balance too low.", "#low-balance")

    hand.press("#low-balance a")
    person.page.wait_for_selector("dialog[open] #id_amount:focus")
    hand.fill("#id_amount", "25")
    hand.sees("Pay $25.00", "#recharge-pay")
    hand.press("#recharge-pay")
    person.page.wait_for_selector("dialog >> text=Campaigns to resume")
    hand.press("#resume-button")
    hand.sees("1 campaign resumed.", "#toasts")

    assert hand.wrong == []
    assert status_of(campaign) == "started"


def test_the_button_counts_the_chosen_campaigns(owner, wallet):
    for name in ("One", "Two"):
        paused(wallet, "basic", name)
    owner.visit("/campaigns/").opens("#resume-campaigns", "input[name=campaign]")
    owner.sees("Resume 2 campaigns", "#resume-button")

    owner.page.locator("dialog input[name=campaign]").first.uncheck()
    owner.sees("Resume 1 campaign", "#resume-button")
    owner.page.locator("dialog input[name=campaign]").last.uncheck()
    owner.page.click("#resume-button")

    owner.sees("Choose at least one campaign", "dialog")


@pytest.mark.parametrize("javascript", [True, False])
def test_a_balance_used_meanwhile_refuses_each_campaign_with_its_reason(enter, wallet, javascript):
    basic, premium = paused(wallet, "basic", "Spring"), paused(wallet, "premium", "Autumn")
    person = enter(owner_of(wallet.account), javascript=javascript)
    person.visit("/campaigns/").page.click("#resume-campaigns")
    person.page.wait_for_selector("#resume-button")
    fill(wallet, credit="-8.05")

    person.page.click("#resume-button")
    here = "dialog" if javascript else "main"
    person.sees("1 campaign resumed. Not resumed: Autumn: needs premium minutes.", here)

    assert "Needs Premium minutes" in person.text(f"{here} li:has-text('Autumn')")
    assert person.count(f"{here} input[name=campaign]:enabled") == 0
    assert (status_of(basic), status_of(premium)) == ("started", "paused")


def test_resuming_by_keyboard_alone(owner, wallet):
    first, second = paused(wallet, "basic", "One"), paused(wallet, "basic", "Two")
    owner.visit("/campaigns/").page.wait_for_selector("#low-balance .banner")

    owner.page.focus("#resume-campaigns")
    owner.page.keyboard.press("Enter")
    owner.page.wait_for_selector("dialog[open] input[name=campaign]")
    owner.settles()
    owner.page.keyboard.press("Space")
    owner.sees("Resume 1 campaign", "#resume-button")
    owner.page.keyboard.press("Escape")
    owner.dialog_closes()
    owner.focuses("#resume-campaigns")
    owner.page.keyboard.press("Enter")
    owner.page.wait_for_selector("dialog[open] input[name=campaign]:focus")
    owner.page.keyboard.press("Space")
    # Past the other campaign, help and Cancel.
    for _ in range(4):
        owner.page.keyboard.press("Tab")
    owner.focuses("#resume-button")
    owner.page.keyboard.press("Enter")
    owner.sees("1 campaign resumed.", "#toasts")

    assert {status_of(first), status_of(second)} == {"started", "paused"}


def test_a_campaign_is_paused_and_resumed_by_hand(owner, wallet):
    campaign = make_campaign(wallet.account, minute_type="basic", name="Spring recall")
    owner.visit("/campaigns/")

    owner.page.click("[aria-label='Pause Spring recall']")
    owner.sees("Spring recall is paused. Calls in progress finish.", "#toasts")
    stopped = status_of(campaign)
    owner.page.click("[aria-label='Resume Spring recall']")
    owner.sees("Spring recall is running again.", "#toasts")

    assert (stopped, status_of(campaign)) == ("paused", "started")


def test_a_campaign_that_cannot_be_paid_says_what_it_needs_and_offers_to_recharge(
    owner, stripe, wallet
):
    add_card(stripe, wallet)
    fill(wallet, credit="-8.20")
    paused(wallet, "premium", "Reactivation")
    owner.visit("/campaigns/")

    assert "Needs at least $0.16 to run" in owner.text("tbody")
    owner.opens("[aria-label='Recharge to resume Reactivation']", "#id_amount")
    assert owner.page.is_checked("input[name=buys][value=premium]")


@pytest.mark.usefixtures("stripe")
def test_a_message_that_may_be_dismissed_stays_away_for_the_session(owner):
    owner.visit("/payments/")
    owner.sees("Low balance: $8.20, about 51 Premium minutes.", "#low-balance")

    owner.page.click("#low-balance [aria-label=Dismiss]")
    owner.page.wait_for_selector("#low-balance .banner", state="detached")
    owner.visit("/campaigns/")

    assert owner.text("#low-balance") == ""


def test_while_campaigns_are_paused_the_banner_cannot_be_dismissed(owner, wallet):
    paused(wallet, "basic", "Spring recall")
    owner.visit("/payments/")
    owner.sees("still paused", "#low-balance")

    assert owner.count("#low-balance [aria-label=Dismiss]") == 0
