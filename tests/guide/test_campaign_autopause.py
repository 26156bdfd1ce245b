"""The guide on Campaign Autopause: pause, banner, recharge, resume. One test a sentence."""

from decimal import Decimal

import pytest

from tests.guide.world import RESUME, Player, World, status_of
from wallets.tests.worlds.builders import fill


@pytest.fixture
def player(world: World) -> Player:
    return world.individual(credit="0.30")


def test_affected_campaigns_pause_when_the_balance_cannot_continue_calling(
    player: Player,
) -> None:
    premium, basic = player.campaign("premium"), player.campaign("basic")

    player.call(minutes=1, campaign=premium)

    # $0.14 is less than a Premium minute, and more than a Basic one.
    assert player.credit == Decimal("0.14")
    assert status_of(premium) == "paused: low_balance"
    assert status_of(basic) == "started"


@pytest.mark.parametrize("page", ["/payments/", "/campaigns/", "/notifications/", "/settings/"])
def test_a_warning_banner_appears_across_the_app(player: Player, page: str) -> None:
    source = player.client.get(page).content.decode()
    assert 'hx-get="/banner/' in source
    assert "paused: balance too low" not in player.open("/banner/").text

    player.call(minutes=1, campaign=player.campaign("premium"))

    banner = player.client.get("/banner/").content.decode()
    assert 'class="banner warning"' in banner
    assert "1 campaign paused: balance too low." in player.open("/banner/").text


def test_recharge_in_the_banner_adds_minutes_to_continue_calling(player: Player) -> None:
    campaign = player.campaign("premium")
    player.call(minutes=1, campaign=campaign)
    banner = player.client.get("/banner/").content.decode()
    assert 'href="/payments/recharge/?buys=premium"' in banner

    player.recharge(amount="16.00", buys="premium")

    assert player.minutes["premium"] == 100
    assert "Your balance is enough to resume it." in player.open("/banner/").text


@pytest.mark.parametrize(("amount", "cents"), [("5.00", 500), ("137.25", 13_725)])
def test_the_amount_to_add_to_the_balance_is_entered(
    player: Player, amount: str, cents: int
) -> None:
    player.recharge(amount=amount, buys="credit")

    assert player.charged() == [cents]
    assert player.credit == Decimal("0.30") + Decimal(amount)


def test_premium_minutes_or_basic_minutes_are_selected(player: Player) -> None:
    text = player.open("/payments/recharge/").text
    assert "Premium Minutes" in text
    assert "Basic Minutes" in text

    player.recharge(amount="32.00", buys="premium")
    player.recharge(amount="9.00", buys="basic")

    assert player.minutes == {"basic": 100, "premium": 200}


def test_after_recharging_the_campaigns_to_resume_are_chosen(player: Player) -> None:
    first, second = player.campaign("premium"), player.campaign("premium")
    player.call(minutes=1, campaign=first)
    player.recharge(amount="16.00", buys="premium")
    assert [status_of(first), status_of(second)] == ["paused: low_balance"] * 2

    player.submit(RESUME, RESUME, campaign=[str(second.pk)])

    assert [status_of(first), status_of(second)] == ["paused: low_balance", "started"]


def test_campaigns_follow_their_assigned_minute_type(player: Player) -> None:
    fill(player.wallet, premium=6_000, basic=6_000)
    kinds = ("premium", "basic", "premium_then_basic")
    premium, basic, both = (player.campaign(kind) for kind in kinds)

    player.call(minutes=10, campaign=premium)
    assert player.minutes == {"basic": 100, "premium": 90}
    player.call(minutes=10, campaign=basic)
    assert player.minutes == {"basic": 90, "premium": 90}
    player.call(minutes=100, campaign=both)

    assert player.minutes == {"basic": 80, "premium": 0}


def test_a_premium_only_campaign_stays_unavailable_after_a_basic_recharge(
    player: Player,
) -> None:
    premium = player.campaign("premium")
    player.call(minutes=1, campaign=premium)
    player.recharge(amount="9.00", buys="basic")

    page = player.open(RESUME)

    source = player.source(RESUME)
    assert f'value="{premium.pk}" disabled' in source
    assert "Needs Premium minutes" in page.text
    player.client.post(RESUME, {"campaign": [str(premium.pk)]})
    assert status_of(premium) == "paused: low_balance"
