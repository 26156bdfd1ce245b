"""Resuming with money in view: use a day, how long the balance pays, what a recharge resumes."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts import clock
from accounts.tests.builders import add_member, make_individual, owner_of
from campaigns import calls, limits, outlook
from campaigns.tests.builders import make_campaign, make_report, make_wallet
from wallets.forecasts import pace, runway
from wallets.forecasts.pace import Pace
from wallets.prices.rates import rates_now
from wallets.tests.worlds.builders import add_card, fill

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("rates", "nudges")]

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
RESUME = reverse("campaigns:resume")
TIERS = reverse("campaigns:recharge_tiers")


@pytest.fixture
def account():
    return make_individual()


@pytest.fixture
def wallet(account):
    return make_wallet(account=account, credit="100")


@pytest.fixture
def page(client, account):
    client.force_login(owner_of(account))
    return client


def called(campaign, *, minutes, ago, outcome="completed"):
    """Calls of these minutes that ended `ago` before noon."""
    moment = NOON - ago
    with clock.at(moment):
        calls.record(
            reporter=None,
            reports=[
                make_report(
                    campaign.account,
                    campaign=campaign,
                    seconds=minutes * 60,
                    ended_at=moment,
                    outcome=outcome,
                )
            ],
        )


def paused(account, *, ago=timedelta(0), made=timedelta(days=60), **fields):
    return make_campaign(
        account,
        status="low_balance",
        paused_at=NOON - ago,
        created_at=NOON - made,
        **fields,
    )


def test_the_runway_splits_credit_by_the_minute_type_of_the_calls(account, wallet):
    """One account, both types, all paid with credit: each has a moment of its own."""
    premium = make_campaign(account, minute_type="premium")
    basic = make_campaign(account, minute_type="basic")
    called(premium, minutes=100, ago=timedelta(days=2))
    called(basic, minutes=100, ago=timedelta(days=2))

    with clock.at(NOON):
        measured = pace.measure(wallet=wallet, rates=rates_now())

    # 50 minutes of each a day; $25 in two days.
    assert measured.dollars == Decimal("12.5")
    assert measured.pace == Pace(premium=Decimal(3000), basic=Decimal(3000))


def test_the_split_is_told_from_the_latest_calls_only(account, wallet, monkeypatch):
    monkeypatch.setattr(limits, "CALLS_SAMPLED", 1)
    called(make_campaign(account, minute_type="premium"), minutes=100, ago=timedelta(days=2))
    called(make_campaign(account, minute_type="basic"), minutes=100, ago=timedelta(days=1))

    taken = outlook.taken([wallet.account_id], NOON - timedelta(days=7))[wallet.account_id]

    assert taken == {
        "basic": {
            "included": 0,
            "premium": 0,
            "basic": 0,
            "credit": Decimal(9),
        }
    }


def leave(wallet, dollars):
    """Adjust the credit to so many dollars, whatever the calls took."""
    wallet.refresh_from_db()
    fill(wallet, credit=str(dollars - wallet.credit.amount))


def started(account, **fields):
    return make_campaign(account, status="started", created_at=NOON - timedelta(days=60), **fields)


def used(*campaigns):
    return outlook.uses(campaigns=campaigns)


def text(response):
    return " ".join(response.content.decode().split())


@pytest.mark.usefixtures("wallet")
def test_a_campaigns_use_is_the_average_of_the_week_before_its_pause(account):
    campaign = paused(account, ago=timedelta(days=5))
    called(campaign, minutes=70, ago=timedelta(days=6))
    called(campaign, minutes=70, ago=timedelta(days=11))
    called(campaign, minutes=700, ago=timedelta(days=13))

    use = used(campaign)[campaign.pk]

    assert use.seconds == 20 * 60
    assert use.dollars == Decimal("3.20")


@pytest.mark.usefixtures("wallet")
def test_a_young_campaign_is_measured_from_its_first_call(account):
    campaign = paused(account, made=timedelta(days=3), minute_type="basic")
    called(campaign, minutes=80, ago=timedelta(days=2))

    assert used(campaign)[campaign.pk].seconds == 40 * 60


@pytest.mark.usefixtures("wallet")
def test_free_calls_are_no_use(account):
    campaign = paused(account)
    called(campaign, minutes=70, ago=timedelta(days=1), outcome="failed")

    assert used(campaign)[campaign.pk].seconds == 0


def test_the_balance_is_shared_by_what_is_chosen(account, wallet):
    premium, basic = paused(account), paused(account, minute_type="basic")
    called(premium, minutes=700, ago=timedelta(days=1))
    called(basic, minutes=700, ago=timedelta(days=1))
    leave(wallet, 50)

    found = used(premium, basic)
    one = outlook.outlook(chosen=[found[basic.pk]], wallet=wallet)
    both = outlook.outlook(chosen=found.values(), wallet=wallet)

    # $9 a day, then $16 + $9 a day.
    assert (one.dollars, round(one.days, 2)) == (Decimal(9), Decimal("5.56"))
    assert (both.count, both.seconds, both.dollars) == (2, 12_000, Decimal(25))
    assert (both.days, both.lasts) == (Decimal(2), "about 2 days")


def test_what_runs_already_shares_the_balance(account, wallet):
    fill(wallet, credit="1000")
    running = started(account, minute_type="basic")
    called(running, minutes=1, ago=timedelta(days=10))
    called(running, minutes=700, ago=timedelta(days=1))
    chosen = paused(account)
    called(chosen, minutes=700, ago=timedelta(days=1))
    leave(wallet, 50)

    with clock.at(NOON):
        found = outlook.outlook(
            chosen=used(chosen).values(), running=outlook.running(wallet=wallet), wallet=wallet
        )

    # $16 a day for the chosen one beside $9 for the one that runs, each over a week.
    assert (found.dollars, found.running.dollars, found.running.count) == (16, 9, 1)
    assert found.days == Decimal(2)


def test_the_resume_dialog_and_payments_tell_one_runway_of_what_runs(account, wallet):
    fill(wallet, credit="1000")
    for minute_type in ("premium", "basic"):
        called(started(account, minute_type=minute_type), minutes=300, ago=timedelta(days=2))
    called(stopped := paused(account), minutes=700, ago=timedelta(days=3))
    leave(wallet, 50)

    with clock.at(NOON):
        payments = runway.runway(wallet=wallet, automatic=wallet.auto_recharge, rates=rates_now())
        dialog = outlook.outlook(
            chosen=used(stopped).values(), running=outlook.running(wallet=wallet), wallet=wallet
        )

    # $25 a day goes on since the first call three days ago: the paused one's $16 are apart.
    assert dialog.running.dollars == Decimal(25)
    assert {one.days for one in payments.types} == {Decimal(2)}
    assert round(dialog.days, 2) == round(Decimal(50) / 41, 2)


def test_what_is_paused_uses_nothing_so_there_is_no_pace(account, wallet):
    called(paused(account), minutes=100, ago=timedelta(days=2))

    with clock.at(NOON):
        measured = pace.measure(wallet=wallet, rates=rates_now())

    assert (measured.pace, measured.dollars) == (Pace(), Decimal(0))


def test_a_campaign_that_made_no_calls_does_not_run_the_balance_down(account, wallet):
    make_campaign(account, status="started")

    assert outlook.running(wallet=wallet).count == 0


def test_without_calls_or_choice_nothing_is_foretold(account, wallet):
    campaign = paused(account)

    assert outlook.outlook(chosen=used(campaign).values(), wallet=wallet).days is None
    assert outlook.outlook(chosen=[], wallet=wallet).count == 0


def test_what_a_recharge_resumes_depends_on_the_tier(account):
    wallet = make_wallet(account=account)
    campaigns = [
        paused(account),
        paused(account),
        paused(account, minute_type="basic"),
        paused(account, minute_type="premium_then_basic"),
    ]

    resumed = outlook.resumes(campaigns=campaigns, wallet=wallet, amount=Decimal(50))

    assert resumed == {"premium": 3, "basic": 2, "credit": 4}
    assert outlook.best_tier(resumed=resumed) == "credit"


def test_debt_is_paid_before_minutes_are_bought(account):
    wallet = make_wallet(account=account, credit="-49.95")
    campaigns = [paused(account), paused(account, minute_type="basic")]

    resumed = outlook.resumes(campaigns=campaigns, wallet=wallet, amount=Decimal(50))

    assert resumed == {"premium": 0, "basic": 0, "credit": 0}


def test_of_equal_tiers_the_one_in_hand_is_kept(account):
    wallet = make_wallet(account=account)
    campaigns = [paused(account, minute_type="premium_then_basic")]

    resumed = outlook.resumes(campaigns=campaigns, wallet=wallet, amount=Decimal(50))

    assert outlook.best_tier(resumed=resumed, preferred="basic") == "basic"
    assert outlook.best_tier(resumed=resumed) == "premium"
    assert outlook.best_tier(resumed=resumed, preferred="credit") == "premium"


# --- Pages


def test_the_resume_dialog_says_what_each_uses_and_how_long_the_balance_pays(page, account, wallet):
    campaign = paused(account, name="Recall")
    called(campaign, minutes=700, ago=timedelta(days=1))
    leave(wallet, 48)

    shown = text(page.get(RESUME))

    assert "Uses about 100 min, $16.00 a day." in shown
    assert "about 3 days" in shown


def test_the_cost_follows_the_boxes_and_the_button_counts_them(page, account, wallet):
    fill(wallet, credit="1000")
    one, other = paused(account), paused(account, minute_type="basic")
    called(one, minutes=700, ago=timedelta(days=1))
    called(other, minutes=700, ago=timedelta(days=1))
    leave(wallet, 50)

    both = text(page.get(RESUME, {"cost": 1, "campaign": [one.pk, other.pk]}))
    fill(wallet, credit="1000")
    running = started(account, minute_type="basic")
    called(running, minutes=1, ago=timedelta(days=10))
    called(running, minutes=700, ago=timedelta(days=1))
    leave(wallet, 50)
    with clock.at(NOON):
        beside = text(page.get(RESUME, {"cost": 1, "campaign": [one.pk]}))
    neither = text(page.get(RESUME, {"cost": 1}))
    of_others = text(page.get(RESUME, {"cost": 1, "campaign": [other.pk, -1, "x", 10**12]}))

    assert "about 200 min, $25.00 a day" in both
    assert "about 2 days of these 2 campaigns" in both
    assert "Resume 2 campaigns" in both
    assert "1 running campaign uses" in beside
    assert "about 2 days, with what runs already" in beside
    assert "Choose campaigns to see how long your balance pays for them." in neither
    assert "Resume 1 campaign" in of_others


@pytest.mark.usefixtures("wallet")
def test_the_dialog_costs_the_same_for_many_campaigns(page, account):
    statements = []
    # The first page of a session writes it.
    page.get(RESUME)
    for count in (2, 30):
        for _ in range(count):
            called(paused(account), minutes=1, ago=timedelta(days=1))
        with CaptureQueriesContext(connection) as captured:
            page.get(RESUME, headers={"HX-Request": "true"})
        statements.append(len(captured))

    assert statements[0] == statements[1]


def test_the_recharge_dialog_is_told_what_each_tier_resumes(page, account):
    make_wallet(account=account)
    paused(account)
    paused(account, minute_type="basic")
    paused(account, minute_type="basic")

    told = page.get(TIERS, {"amount": "50.00", "buys": "premium"})
    choosing = page.get(TIERS, {"amount": "50.00", "buys": "", "choose": "1"})

    assert "Resumes 1 of 3 paused campaigns" in text(told)
    assert "Resumes 2 of 3 paused campaigns" in text(told)
    assert "checked" not in text(told)
    assert "HX-Trigger-After-Settle" not in told
    assert 'value="credit" id="buys-credit" checked' in text(choosing)
    assert choosing["HX-Trigger-After-Settle"] == "tier-chosen"


@pytest.mark.parametrize("amount", ["", "x", "4.99", "NaN", "Infinity", "10000.01", "1e3000000"])
def test_an_amount_that_cannot_be_charged_says_nothing(page, account, amount):
    make_wallet(account=account)
    paused(account)

    assert page.get(TIERS, {"amount": amount}).status_code == 204


@pytest.mark.usefixtures("wallet")
def test_with_nothing_paused_the_tiers_say_nothing(page, account):
    make_campaign(account, status="manual")

    assert page.get(TIERS, {"amount": "50"}).status_code == 204


def test_the_recharge_dialog_asks_campaigns_to_choose_unless_somebody_did(page, account, stripe):
    wallet = make_wallet(account=account)
    add_card(stripe, wallet)
    url = reverse("wallets:recharge")

    assert f'"{TIERS}?choose=1"' in text(page.get(url))
    assert "choose=1" not in text(page.get(url, {"buys": "basic"}))


def test_the_banner_leads_to_the_tier_that_resumes_most(page, account):
    make_wallet(account=account)
    paused(account, ago=timedelta(days=1))
    paused(account, minute_type="premium_then_basic")
    paused(account, minute_type="premium_then_basic")

    assert f"{reverse('wallets:recharge')}?buys=premium" in text(page.get("/banner/"))


@pytest.mark.usefixtures("wallet")
def test_a_member_sees_what_campaigns_use_but_no_sum(client, account):
    client.force_login(add_member(account))
    paused(account)

    shown = text(client.get(RESUME))

    assert "No calls in the week before the pause" in shown
    assert 'id="resume-cost"' not in shown
