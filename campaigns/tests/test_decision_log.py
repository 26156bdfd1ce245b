"""What the decision log says of campaigns: Autopause, a recharge on its way, resuming, refusing."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from django.urls import reverse

from accounts import clock
from accounts.tests.builders import close, make_individual, owner_of
from campaigns import lifecycle, pausing, resuming
from campaigns.errors import CannotRun
from campaigns.tests.builders import fill, make_campaign, make_wallet, turn_on_auto_recharge
from wallets.models import LoggedDecision
from wallets.why import sentences

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("rates", "nudges")]

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture
def account():
    return make_individual()


@pytest.fixture
def wallet(account):
    return make_wallet(account=account, credit="1")


def log(campaign):
    rows = LoggedDecision.objects.filter(about=campaign.external_id).order_by("first_at", "pk")
    return [
        str(sentences.sentence(decision=row, zone=ZoneInfo("UTC"))).replace("&#x27;", "'")
        for row in rows
    ]


def test_a_pause_says_what_could_still_be_paid(account, wallet):
    campaign = make_campaign(account, name="Six-month recall")

    fill(wallet, credit="-0.90")

    assert log(campaign) == [
        "Six-month recall was paused: 37 s can be paid, a campaign needs 1 min. "
        "Credit $0.10, $0.16 a minute."
    ]


def test_what_goes_on_is_not_written_down(account, wallet):
    make_campaign(account)

    fill(wallet, credit="-0.50")

    assert not LoggedDecision.objects.exists()


def test_a_recharge_on_its_way_explains_why_nothing_was_paused(account, wallet):
    campaign = make_campaign(account, name="Recall")
    with clock.at(NOON):
        turn_on_auto_recharge(wallet)
        fill(wallet, credit="-1")
        pausing.sweep()
        pausing.sweep()

    assert log(campaign) == [
        "Recall was not paused, because a recharge is on its way: 0 s can be paid, "
        "a campaign needs 1 min. Credit $0.00, $0.16 a minute."
    ]


def test_resuming_says_who_did_it_and_a_refusal_says_why(account, wallet):
    boss = owner_of(account)
    basic = make_campaign(account, status="low_balance", minute_type="basic", name="Basic")
    premium = make_campaign(account, status="low_balance", name="Premium")
    fill(wallet, credit="-0.90")

    resuming.resume(campaign_ids=[basic.pk, premium.pk], account=account, actor=boss)

    assert log(basic) == [f"Basic was resumed by {boss}."]
    assert log(premium) == [
        "Premium was not started: Needs Premium minutes. Needs at least $0.16 to run."
    ]


def test_a_refused_start_is_written_down_although_nothing_changed(account, wallet):
    fill(wallet, credit="-1")
    campaign = make_campaign(account, status="not_started", name="Recall")

    with pytest.raises(CannotRun):
        lifecycle.start(campaign_id=campaign.pk, account=account)

    campaign.refresh_from_db()
    assert campaign.status == "not_started"
    assert log(campaign) == [
        "Recall was not started: Needs Premium minutes. Needs at least $0.16 to run."
    ]


def test_money_of_auto_recharge_explains_what_resumed_by_itself(account, wallet):
    turn_on_auto_recharge(wallet, resume_campaigns=True)
    campaign = make_campaign(account, status="low_balance", name="Recall")

    resuming.resume_after_recharge(wallets=[wallet])

    assert log(campaign) == ["Recall resumed by itself, because Auto-Recharge brought money."]


@pytest.mark.usefixtures("wallet")
def test_pausing_by_hand_names_the_person_or_the_api(account):
    mine, theirs = make_campaign(account, name="Mine"), make_campaign(account, name="Theirs")
    boss = owner_of(account)

    lifecycle.pause(campaign_id=mine.pk, account=account, actor=boss)
    lifecycle.pause(campaign_id=theirs.pk, account=account, actor=None)

    assert log(mine) == [f"Mine was paused by {boss}."]
    assert log(theirs) == ["Theirs was paused by the API."]


@pytest.mark.usefixtures("wallet")
def test_a_closed_account_is_the_reason_its_campaigns_paused(account):
    campaign = make_campaign(account, name="Recall")
    close(account)

    pausing.sweep()

    assert log(campaign) == ["Recall was paused: the account is closed."]


def test_a_campaigns_page_explains_only_this_campaign(client, account, wallet):
    recall, survey = make_campaign(account, name="Recall"), make_campaign(account, name="Survey")
    fill(wallet, credit="-1")
    client.force_login(owner_of(account))

    shown = client.get(reverse("campaigns:detail", args=[recall.pk])).content.decode()

    assert "Recall was paused: 0 s can be paid" in shown
    assert "Survey was paused" not in shown
    assert log(survey)
