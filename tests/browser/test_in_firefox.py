"""The main ways once more in Firefox: another engine's forms, focus, dialogs and scripts."""

from collections.abc import Iterator

import pytest

from accounts.tests.builders import make_sub_account, owner_of
from campaigns import calls
from campaigns.models import Campaign
from campaigns.tests.builders import make_campaign, make_report
from tests.browser import firefox
from tests.browser.firefox import END, LEFT, Firefox, Tab
from wallets.models import AutoAllocation, AutoRecharge, Purchase
from wallets.tests.worlds.builders import add_card, fill

PASSWORD = "correct horse battery staple 9"

pytestmark = pytest.mark.firefox


@pytest.fixture(scope="module")
def running() -> Iterator[Firefox]:
    browser = Firefox()
    yield browser
    browser.close()


@pytest.fixture
def owner(running, site, wallet) -> Iterator[Tab]:
    """Logged in by typing; what the console complained of fails."""
    user = owner_of(wallet.account)
    user.set_password(PASSWORD)
    user.save()
    running.complaints.clear()
    tab = running.tab(site.url)
    tab.resize(1280, 900)
    tab.visit("/login/")
    tab.fill("#id_username", user.email)
    tab.fill("#id_password", PASSWORD)
    tab.press(firefox.ENTER)
    tab.sees("Payments", "h1")
    yield tab
    running.forget()
    assert running.complaints == []


def test_a_recharge_with_a_saved_card(owner, stripe, wallet):
    add_card(stripe, wallet)
    owner.visit("/payments/")

    owner.click("#add-credit")
    owner.fill("#id_amount", "75")
    owner.click("input[name=buys][value=credit]")
    owner.sees("Pay $75.00", "#recharge-pay")
    owner.click("#recharge-pay")
    owner.sees("Payment received: $75.00.", "dialog")

    assert Purchase.objects.get(wallet=wallet).state == "succeeded"
    owner.press(firefox.ESCAPE)
    owner.sees("$83.20", ".amount")


def test_auto_recharge_is_configured_and_charges_at_once(owner, stripe, wallet):
    add_card(stripe, wallet)
    owner.visit("/payments/")

    owner.click("#configure")
    owner.fill("#id_threshold", "10")
    owner.click("#id_enabled")
    owner.sees("Save and charge $50.00", "#auto-save")
    owner.click("#auto-save")
    owner.sees("Payment received: $50.00. New balance $58.20.", "dialog")

    assert AutoRecharge.objects.get(wallet=wallet).enabled
    assert Purchase.objects.get(wallet=wallet).amount_cents == 5000


def test_an_allocation_is_set(owner, stripe, wallet):
    add_card(stripe, wallet)
    dental = make_sub_account("Northside Dental", agency=wallet.account)
    owner.visit("/account-manager/")

    owner.click("[aria-label='Actions for Northside Dental']")
    owner.click(".menu a", text="Manage auto allocation")
    owner.fill("#id_basic_minutes", "500")
    owner.sees("Save and charge $45.00", "#allocation-save")
    owner.click("#allocation-save")
    owner.sees("Payment received: $45.00.", "dialog")

    assert AutoAllocation.objects.get(account=dental).basic_minutes == 500


def test_a_campaign_is_resumed_from_the_banner(owner, stripe, wallet):
    add_card(stripe, wallet)
    fill(wallet, credit="-8.20")
    campaign = make_campaign(wallet.account, minute_type="basic", status="low_balance")
    owner.visit("/settings/")

    owner.click("#low-balance a", text="Recharge")
    owner.fill("#id_amount", "50")
    owner.sees("Pay $50.00", "#recharge-pay")
    owner.click("#recharge-pay")
    owner.sees("Campaigns to resume", "dialog")
    owner.click("#resume-button")
    owner.sees("1 campaign resumed.", "#toasts")

    assert Campaign.objects.get(pk=campaign.pk).status == "started"


def test_the_chart_of_usage_is_read_with_the_keyboard(owner, wallet):
    campaign = make_campaign(wallet.account, minute_type="basic")
    reports = [make_report(wallet.account, seconds=61, campaign=campaign)]
    calls.record(reports=reports, reporter=None)
    owner.visit("/usage/")

    owner.evaluate("document.querySelector('.bar').focus()")
    owner.press(END)
    newest = owner.text("[data-bar-text]")
    owner.press(LEFT)
    before = owner.text("[data-bar-text]")

    assert "1 call of" in newest
    assert before.endswith(": no calls")
