"""The guide on what Auto-Recharge is, and what credit is worth. One test a sentence."""

from datetime import timedelta
from decimal import Decimal

from accounts import clock
from tests.guide.world import World, status_of
from wallets.models import MinuteRate
from wallets.prices.payable import payable_seconds
from wallets.prices.rates import rates_now


def test_an_account_stays_functional_without_interruptions_due_to_depleted_credit(
    world: World,
) -> None:
    player = world.individual(credit="10.10", threshold="10")
    campaign = player.campaign("premium")

    player.call(minutes=100, campaign=campaign)

    # 100 minutes cost $16.00: more than there was, and the campaign was never paused.
    assert player.credit == Decimal("44.10")
    assert status_of(campaign) == "started"


def test_auto_recharge_automates_top_ups_when_the_balance_falls_below_the_threshold(
    world: World,
) -> None:
    player = world.individual(credit="10.00", threshold="10")
    assert player.charged() == []

    player.call(minutes=1, minute_type="premium")

    assert player.charged() == [5000]
    assert player.credit == Decimal("59.84")


def test_usd_credit_converts_into_minutes_by_the_current_pricing_rate(world: World) -> None:
    player = world.individual(credit="50")
    page = player.open("/payments/")
    assert "≈ 312 min" in page.text
    assert "≈ 555 min" in page.text

    _price_of_premium("0.20")

    page = player.open("/payments/")
    assert "≈ 250 min" in page.text
    assert player.credit == Decimal(50)


def test_auto_recharge_purchases_additional_credit_below_a_predefined_threshold(
    world: World,
) -> None:
    player = world.individual(credit="25.10", threshold="25", amount="100")

    player.call(minutes=1, minute_type="premium")

    (entry,) = player.bought()
    assert (entry.kind, entry.pot, entry.amount) == ("auto_recharge", "credit", Decimal(100))


def test_no_manual_top_up_is_required_each_time_the_credit_runs_low(world: World) -> None:
    player = world.individual(credit="10", threshold="10")
    moment = clock.now()

    for hours in range(3):
        with clock.at(moment + timedelta(hours=hours)):
            player.call(minutes=320, minute_type="premium")

    # Three times $51.20 of calls, three times charged, and nobody did anything.
    assert len(player.charged()) == 3
    assert player.credit > Decimal(10)


def test_threshold_10_amount_50_a_balance_below_10_adds_50(world: World) -> None:
    player = world.individual(credit="10.15", threshold="10", amount="50")

    player.call(minutes=1, minute_type="premium")

    assert player.charged() == [5000]
    assert player.credit == Decimal("59.99")


def test_50_dollars_are_312_premium_or_555_basic_minutes(world: World) -> None:
    player = world.individual()

    premium = player.open("/payments/recharge/quote/", amount="50.00", buys="premium")
    basic = player.open("/payments/recharge/quote/", amount="50.00", buys="basic")

    assert "312 Premium minutes" in premium.text
    assert "555 Basic minutes" in basic.text


def test_credit_is_not_a_fixed_number_of_minutes(world: World) -> None:
    player = world.individual(credit="1.60")
    _price_of_premium("0.32")

    player.call(minutes=5, minute_type="premium")

    # It was worth ten minutes when it was added.
    assert player.credit == Decimal(0)


def test_the_minutes_credit_buys_depend_on_the_current_per_minute_rate(world: World) -> None:
    player = world.individual()
    _price_of_premium("0.20")

    page = player.open("/payments/recharge/quote/", amount="50.00", buys="premium")

    assert "250 Premium minutes" in page.text


def test_premium_is_billed_at_16_cents_and_basic_at_9_cents_a_minute(world: World) -> None:
    player = world.individual(credit="10")

    player.call(minutes=1, minute_type="premium")
    assert player.credit == Decimal("9.84")
    player.call(minutes=1, minute_type="basic")

    assert player.credit == Decimal("9.75")


def test_credit_converts_at_the_rate_of_the_current_usage(world: World) -> None:
    player = world.individual(credit="14.40")
    rates = rates_now()

    worth = {
        usable: payable_seconds(pots=player.wallet.pots, usable=usable, rates=rates) // 60
        for usable in ("premium", "basic", "premium_then_basic")
    }

    assert worth == {"premium": 90, "basic": 160, "premium_then_basic": 90}


def test_more_credit_is_purchased_below_the_threshold_preventing_interruptions(
    world: World,
) -> None:
    player = world.individual(credit="10.05", threshold="10")
    campaign = player.campaign("basic")

    player.call(minutes=120, campaign=campaign)

    assert player.charged() == [5000]
    assert status_of(campaign) == "started"


def test_credit_never_runs_out_so_call_flow_and_campaigns_are_not_disrupted(
    world: World,
) -> None:
    player = world.individual(credit="30", threshold="10")
    campaigns = [player.campaign(kind) for kind in ("premium", "basic", "premium_then_basic")]
    moment = clock.now()

    for minutes in range(0, 30, 2):
        with clock.at(moment + timedelta(minutes=10 * minutes)):
            player.call(minutes=100, campaign=campaigns[minutes % 3])
            assert player.credit > 0
            assert {status_of(campaign) for campaign in campaigns} == {"started"}


def test_auto_recharge_purchases_usd_credit_not_minutes(world: World) -> None:
    player = world.individual(credit="10.05", threshold="10")

    player.call(minutes=1, minute_type="premium")

    assert [(entry.pot, entry.amount) for entry in player.bought()] == [("credit", Decimal(50))]
    assert player.minutes == {"basic": 0, "premium": 0}


def test_what_credit_translates_to_depends_on_the_rate_16_or_9_cents(world: World) -> None:
    player = world.individual(credit="50")

    page = player.open("/payments/")

    assert "≈ 312 min if all used at $0.16/min" in page.text
    assert "≈ 555 min if all used at $0.09/min" in page.text


def _price_of_premium(price: str) -> None:
    """A rate that holds from a moment ago, as a change of prices leaves it."""
    MinuteRate.objects.create(
        minute_type="premium", price=price, effective_from=clock.now() - timedelta(minutes=1)
    )
