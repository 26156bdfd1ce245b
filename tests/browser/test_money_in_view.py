"""Why something happened, what settings would have done, and what resuming costs."""

from datetime import timedelta
from decimal import Decimal

import pytest

from accounts import clock
from accounts.tests.builders import add_member, make_individual, owner_of
from campaigns import calls
from campaigns.models import Campaign
from campaigns.tests.builders import make_campaign, make_report
from tests.browser.people import DESK, PHONE
from wallets.balances import ledger
from wallets.models import Purchase
from wallets.recharges import auto_recharge
from wallets.tests.worlds.builders import (
    DECLINED_CARD,
    add_card,
    fill,
    make_wallet,
    set_auto_recharge,
)


@pytest.fixture
def used(wallet):
    """$100 a month ago, $60 of it called away in one busy morning a week ago."""
    with clock.at(clock.now() - timedelta(days=40)):
        fill(wallet, credit="91.80")
    for hour, dollars in enumerate(("-20", "-20", "-20")):
        moment = clock.now() - timedelta(days=6, hours=-hour)
        with clock.at(moment):
            movement = ledger.Movement(
                wallet_id=wallet.pk,
                pot="credit",
                amount=Decimal(dollars),
                kind="calls",
                key=f"calls:{moment}",
            )
            ledger.post(movements=[movement])
    return wallet


def paused(wallet, minute_type: str, name: str) -> Campaign:
    """Paused now, after an hour of calls in its last week."""
    campaign = make_campaign(wallet.account, minute_type=minute_type, name=name)
    report = make_report(wallet.account, campaign=campaign, seconds=3600)
    calls.record(reports=[report], reporter=None)
    Campaign.objects.filter(pk=campaign.pk).update(
        status="paused", pause_reason="low_balance", paused_at=clock.now()
    )
    return campaign


def test_a_declined_charge_is_explained_on_payments(owner, stripe, wallet):
    add_card(stripe, wallet, DECLINED_CARD)
    set_auto_recharge(wallet)
    auto_recharge.run(wallet_id=wallet.pk)

    owner.visit("/payments/")
    owner.sees("The charge of $50.00 failed: Visa •••• 0341 was declined.", "#why")
    owner.page.click("#why a:has-text('See all')")

    owner.sees("Auto-Recharge charges $50.00: the balance of $8.20 is below $10.00.")


@pytest.mark.usefixtures("used")
def test_payments_says_how_long_the_balance_lasts(owner):
    owner.visit("/payments/")

    owner.sees("Lasts until ", "#hero")
    owner.sees("This balance pays for", "#runway")
    owner.sees("Premium calls", "#runway")
    owner.sees("Basic calls", "#runway")
    assert "At the pace of the last 7 days." in owner.text("#runway")


def test_the_chart_is_read_by_arrow_keys_and_by_finger_into_what_comes(enter, used):
    for back in (5, 4, 3, 2, 1):
        with clock.at(clock.now() - timedelta(days=back)):
            movement = ledger.Movement(
                wallet_id=used.pk,
                pot="credit",
                amount=Decimal(-2),
                kind="calls",
                key=f"calls:more:{back}",
            )
            ledger.post(movements=[movement])
    person = enter(owner_of(used.account), width=PHONE)
    person.visit("/payments/?days=7")
    today, tomorrow = clock.now(), clock.now() + timedelta(days=1)

    person.page.focus("#hero .day[tabindex='0']")
    read = [person.text("[data-bar-text]")]
    person.page.keyboard.press("ArrowRight")
    read.append(person.text("[data-bar-text]"))
    person.page.keyboard.press("End")
    last = person.text("[data-bar-text]")
    person.page.locator("#hero .day").first.click(force=True)
    first = person.text("[data-bar-text]")

    assert person.text("#hero-title").startswith("Lasts until ")
    assert read[0].startswith(f"{today:%-d %b %Y}: $")
    assert read[1].startswith(f"{tomorrow:%-d %b %Y}: about $")
    assert " expected, between $" in read[1]
    assert last.startswith(f"{today + timedelta(days=7):%-d %b %Y}: about ")
    assert first.startswith(f"{today - timedelta(days=6):%-d %b %Y}: $")


def test_a_new_owner_goes_from_step_to_step_and_a_member_asks(enter, stripe):
    account = make_individual()
    owner, member = enter(owner_of(account)), enter(add_member(account), javascript=False)

    owner.visit("/payments/").sees("0 of 4 done", "#first-steps")
    add_card(stripe, make_wallet(account=account))
    owner.visit("/payments/").opens("#first-steps a:has-text('Add credit')", "#recharge-pay")
    owner.page.check("input[name=buys][value=credit]")
    owner.sees("Pay $50.00", "#recharge-pay")
    owner.page.click("#recharge-pay")
    owner.sees("Payment received: $50.00.", "dialog")
    owner.page.keyboard.press("Escape")
    owner.sees("2 of 4 done", "#first-steps")
    member.visit("/payments/").page.click("#first-steps button:has-text('Ask an owner')")

    assert "Asked. The owners and admins get a mail." in member.text("main")
    assert "asks you to turn on Auto-Recharge" in owner.visit("/notifications/").text("main")


def test_the_zone_of_this_device_is_one_tap_away(enter, wallet):
    person = enter(owner_of(wallet.account), width=PHONE)
    session = person.context.new_cdp_session(person.page)
    session.send("Emulation.setTimezoneOverride", {"timezoneId": "America/Denver"})

    person.visit("/settings/").page.click("[data-my-zone]")
    person.page.click("button:has-text('Save')")
    person.sees("Saved", "main")
    session.send("Emulation.setTimezoneOverride", {"timezoneId": ""})
    session.detach()

    assert person.page.input_value("#id_timezone") == "America/Denver"


def test_settings_are_replayed_while_they_are_typed(owner, stripe, used):
    add_card(stripe, used)
    owner.visit("/payments/").opens("#configure", "#auto-replay")
    owner.sees("Your busiest 6 hours needed up to $60.00.", "#auto-replay")
    before = owner.text("#auto-replay")

    owner.page.fill("#id_threshold", "80")
    owner.page.fill("#id_amount", "30")
    owner.sees("in all", "#auto-replay")
    typed = owner.text("#auto-replay")
    owner.page.click("#auto-replay button")
    owner.page.wait_for_function("document.getElementById('id_threshold').value === '60.00'")

    assert "Recharges 0" in before
    assert "Recharges 2, $60.00 in all" in typed
    assert Purchase.objects.filter(wallet=used).count() == 0


def test_without_javascript_the_suggested_threshold_is_a_link(enter, stripe, used):
    add_card(stripe, used)
    person = enter(owner_of(used.account), javascript=False)

    person.visit("/payments/auto-recharge/").page.click("#auto-replay a")

    assert person.page.input_value("#id_threshold") == "60.00"


@pytest.mark.parametrize("width", [DESK, PHONE])
def test_the_cost_of_resuming_follows_the_boxes(enter, wallet, width):
    fill(wallet, credit="100")
    for name, minute_type in (("Six-month recall", "premium"), ("Reminders", "basic")):
        paused(wallet, minute_type, name)
    person = enter(owner_of(wallet.account), width=width)

    person.visit("/campaigns/").opens("#resume-campaigns", "#resume-cost")
    person.sees("of these 2 campaigns", "#resume-cost")
    name = person.page.locator("dialog .resume-row > span").first.bounding_box()
    person.page.locator("dialog input[name=campaign]").first.uncheck()
    person.sees("Resume 1 campaign", "#resume-button")

    assert "It uses about 60 min, $5.40 a day" in person.text("#resume-cost")
    assert name["width"] > 150


def test_the_recharge_dialog_chooses_what_resumes_most(owner, stripe, wallet):
    fill(wallet, credit="-8.20")
    add_card(stripe, wallet)
    for name, minute_type in (("A", "basic"), ("B", "premium"), ("C", "premium_then_basic")):
        make_campaign(wallet.account, name=name, minute_type=minute_type, status="low_balance")
    make_campaign(wallet.account, name="D", minute_type="premium_then_basic", status="manual")

    owner.visit("/payments/").opens("#add-credit", "#resumes-credit:has-text('Resumes 3 of 3')")
    owner.page.wait_for_selector("#buys-credit:checked")
    owner.sees("$50.00 credit", "#recharge-quote")

    assert owner.text("#resumes-premium") == "Resumes 2 of 3 paused campaigns"
    assert owner.text("#resumes-basic") == "Resumes 2 of 3 paused campaigns"


def test_a_tier_somebody_chose_stays_chosen(owner, stripe, wallet):
    fill(wallet, credit="-8.20")
    add_card(stripe, wallet)
    make_campaign(wallet.account, minute_type="premium", status="low_balance")

    owner.visit("/payments/recharge/?buys=basic")
    owner.sees("Resumes 1 of 1 paused campaign", "#resumes-premium")

    assert owner.page.is_checked("#buys-basic")
