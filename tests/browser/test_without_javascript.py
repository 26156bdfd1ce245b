"""Every task of the guide with JavaScript switched off: links, forms and whole pages."""

from decimal import Decimal

import pytest

from accounts.tests.builders import make_sub_account, owner_of
from campaigns.models import Campaign
from campaigns.tests.builders import make_campaign
from tests.browser.people import Person
from tests.browser.world import allocate
from wallets.models import AutoAllocation, AutoRecharge, Purchase
from wallets.tests.worlds.builders import BANK_ASKS_CARD, add_card, fill


@pytest.fixture
def owner(enter, wallet) -> Person:
    return enter(owner_of(wallet.account), javascript=False)


def test_recharging_shows_the_figures_once_more_before_it_charges(owner, stripe, wallet):
    add_card(stripe, wallet)
    owner.visit("/payments/")

    owner.page.click("#add-credit")
    owner.page.fill("#id_amount", "75")
    owner.page.check("input[name=buys][value=credit]")
    owner.page.click("#recharge-pay")
    reviewed = owner.text("main")
    owner.page.click("#recharge-pay")

    assert "$75.00 will be charged now. Check and pay." in reviewed
    assert "Payment received: $75.00." in owner.text("main")
    wallet.refresh_from_db()
    assert wallet.credit.amount == Decimal("83.20")


def test_auto_recharge_is_set_up_and_charges_what_was_reviewed(owner, stripe, wallet):
    add_card(stripe, wallet)
    owner.visit("/payments/")

    owner.page.click("#configure")
    owner.page.check("#id_enabled")
    owner.page.click("#auto-save")
    reviewed = owner.text("main")
    owner.page.click("#auto-save")

    assert "$50.00" in reviewed
    assert Purchase.objects.get(wallet=wallet).state == "succeeded"
    assert AutoRecharge.objects.get(wallet=wallet).enabled
    assert "Payment received: $50.00." in owner.text("main")


def test_a_card_is_added_on_stripes_page(owner):
    owner.visit("/payments/")

    owner.page.click("text=Add payment method")
    owner.page.fill("#number", "4242 4242 4242 4242")
    owner.page.click("text=Save card")

    assert "Visa •••• 4242 added." in owner.text("main")


def test_the_way_to_the_bank_is_a_plain_link(owner, stripe, wallet):
    """A form that ended on any bank's page would be stopped by our own policy."""
    add_card(stripe, wallet, BANK_ASKS_CARD)
    owner.visit("/payments/recharge/")
    owner.page.check("input[name=buys][value=credit]")
    owner.page.click("#recharge-pay")
    owner.page.click("#recharge-pay")

    owner.page.click("button:has-text('Continue to your bank')")
    owner.page.click("a:has-text('Continue to your bank')")
    owner.page.click("text=Approve")

    assert "Payment received: $50.00." in owner.text("main")


def test_minutes_are_allocated(owner, stripe, wallet):
    add_card(stripe, wallet)
    dental = make_sub_account("Northside Dental", agency=wallet.account)
    owner.visit("/account-manager/")

    owner.page.click("[aria-label='Actions for Northside Dental']")
    owner.page.click("text=Manage auto allocation")
    owner.page.fill("#id_basic_minutes", "500")
    owner.page.click("#allocation-save")
    reviewed = owner.text("main")
    owner.page.click("#allocation-save")

    assert "$45.00 will be charged today. Check and save." in reviewed
    assert AutoAllocation.objects.get(account=dental).basic_minutes == 500
    assert "Monthly allocation for Northside Dental saved." in owner.text("main")


def test_a_failed_month_is_retried_the_next_skipped_and_all_stopped(owner, stripe, wallet):
    dental = make_sub_account("Northside Dental", agency=wallet.account)
    card = allocate(stripe, wallet, dental, declines="insufficient_funds")
    stripe.set_card(card, behaviour="ok")
    panel = f"/account-manager/{dental.pk}/auto-allocation/"

    owner.visit(panel).page.click("text=Retry now")
    paid = owner.text("main")
    owner.visit(panel).page.click("text=Skip next")
    skipped = owner.text("main")
    owner.page.click("a:has-text('Stop')")
    owner.page.click("text=Stop allocation")

    assert "Payment received: $45.00." in paid
    assert "The next month is skipped." in skipped
    assert "Monthly allocation for Northside Dental stopped." in owner.text("main")
    assert not AutoAllocation.objects.get(account=dental).active


def test_the_banner_leads_to_recharge_and_on_to_resume(owner, stripe, wallet):
    add_card(stripe, wallet)
    fill(wallet, credit="-8.20")
    campaign = make_campaign(wallet.account, minute_type="basic", status="low_balance")
    owner.visit("/campaigns/")

    owner.page.click("tbody >> text=Recharge")
    owner.page.click("#recharge-pay")
    owner.page.click("text=Resume campaigns")
    owner.page.click("#resume-button")

    assert "1 campaign resumed." in owner.text("main")
    assert Campaign.objects.get(pk=campaign.pk).status == "started"


def test_older_transactions_are_another_page(owner, wallet):
    for _ in range(26):
        fill(wallet, credit="1")
    owner.visit("/payments/transactions/")
    first = owner.count("tbody tr")

    owner.page.click("text=Load older")

    assert first == 25
    assert owner.count("tbody tr") == 2
