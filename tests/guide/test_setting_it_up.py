"""The guide on setting Auto-Recharge up, and what follows from it. One test a sentence."""

from datetime import timedelta
from decimal import Decimal

import pytest

from accounts import clock
from accounts.models import Account, Role
from accounts.tests.builders import add_member
from tests.guide.world import CONFIGURE, Player, World, purchases_of, work
from wallets.models import AutoRecharge
from wallets.tests.worlds.builders import DECLINED_CARD, OTHER_GOOD_CARD, add_card


def _settings(player: Player) -> AutoRecharge:
    return AutoRecharge.objects.get(wallet=player.wallet)


def test_payments_in_the_side_panel_leads_to_the_wallet(world: World) -> None:
    player = world.individual(credit="12.34")
    source = player.client.get("/campaigns/").content.decode()
    assert '<a href="/payments/"' in source.partition('aria-label="Main"')[2]

    page = player.open("/payments/")

    assert "Wallet balance" in page.text
    assert "$12.34" in page.text


@pytest.mark.parametrize("number", ["4242424242424242", "4000056655665556"])
def test_a_valid_credit_or_debit_card_is_needed(world: World, number: str) -> None:
    player = world.individual(card="", credit="20")
    refused = player.submit(CONFIGURE, "threshold", enabled="on")
    assert "Add a payment method before turning this on" in refused.text
    assert not _settings(player).enabled

    add_card(world.stripe, player.wallet, number)
    player.submit(CONFIGURE, "threshold", enabled="on")

    assert _settings(player).enabled


def test_configure_opens_the_recharge_conditions(world: World) -> None:
    player = world.individual()
    source = player.source("/payments/")
    assert f'id="configure" href="{CONFIGURE}"' in source

    form = player.open(CONFIGURE).form("threshold")

    assert {"enabled", "threshold", "amount", "payment_method"} <= set(form.fields)


def test_minimum_threshold_is_the_balance_that_triggers_an_auto_recharge(world: World) -> None:
    player = world.individual(credit="20.16")
    assert "Minimum Threshold" in player.open(CONFIGURE).text
    player.submit(CONFIGURE, "threshold", enabled="on", threshold="20.00", amount="50.00")

    player.call(minutes=1, minute_type="premium")
    assert player.charged() == []  # $20.00 is not below $20.00.
    player.call(minutes=1, minute_type="premium")

    assert player.charged() == [5000]


def test_auto_recharge_amount_is_the_credit_purchased_below_the_threshold(world: World) -> None:
    player = world.individual(credit="10.10")
    assert "Auto-Recharge Amount" in player.open(CONFIGURE).text
    player.submit(CONFIGURE, "threshold", enabled="on", threshold="10.00", amount="75.00")

    player.call(minutes=1, minute_type="premium")

    assert player.charged() == [7500]
    assert player.credit == Decimal("84.94")


def test_the_slide_turns_the_automatic_recharge_on(world: World) -> None:
    player = world.individual(credit="10.10")
    answers = {"threshold": "10.00", "amount": "50.00"}
    player.submit(CONFIGURE, "threshold", enabled=[], **answers)
    player.call(minutes=1, minute_type="premium")
    assert (player.credit, player.charged()) == (Decimal("9.94"), [])

    player.submit(CONFIGURE, "threshold", enabled="on", **answers)

    assert (player.credit, player.charged()) == (Decimal("59.94"), [5000])


def test_a_balance_below_the_threshold_when_it_is_set_is_recharged_immediately(
    world: World,
) -> None:
    player = world.individual(credit="4.00")

    player.submit(CONFIGURE, "threshold", enabled="on", threshold="10.00", amount="50.00")

    assert player.charged() == [5000]
    assert player.credit == Decimal(54)


def test_a_balance_of_15_and_a_higher_threshold_are_pushed_above_it_immediately(
    world: World,
) -> None:
    player = world.individual(credit="15.00")

    player.submit(CONFIGURE, "threshold", enabled="on", threshold="100.00", amount="50.00")

    # One charge that lands above the threshold: 15 + 50 would not.
    assert player.charged() == [10_000]
    assert player.credit == Decimal(115)


def test_set_up_is_payments_then_a_card_then_threshold_and_amount(world: World) -> None:
    player = world.individual(card="", credit="30")
    assert "Add payment method" in player.open("/payments/").text
    add_card(world.stripe, player.wallet)

    player.submit(CONFIGURE, "threshold", enabled="on", threshold="12.00", amount="60.00")

    saved = _settings(player)
    assert (saved.threshold.amount, saved.amount.amount) == (Decimal(12), Decimal(60))


def test_save_activates_it(world: World) -> None:
    player = world.individual(credit="30")
    assert not _settings(player).enabled

    player.submit(CONFIGURE, "threshold", enabled="on", threshold="10.00", amount="50.00")

    assert _settings(player).enabled
    assert "When the balance drops below $10.00, charge $50.00" in player.open("/payments/").text


def test_a_balance_already_below_is_brought_above_with_the_saved_payment_method(
    world: World,
) -> None:
    player = world.individual(credit="-3.00", card=OTHER_GOOD_CARD)

    player.submit(CONFIGURE, "threshold", enabled="on", threshold="10.00", amount="50.00")

    assert player.credit == Decimal(47)
    (purchase,) = player.wallet.purchases.all()
    assert (purchase.card, purchase.state) == ("Mastercard •••• 4444", "succeeded")


def test_settings_are_adjusted_or_disabled_at_any_time_from_payments(world: World) -> None:
    player = world.individual(credit="30", threshold="10")
    player.submit(CONFIGURE, "threshold", enabled="on", threshold="20.00", amount="90.00")
    assert _settings(player).amount.amount == Decimal(90)

    player.submit(CONFIGURE, "threshold", enabled=[])
    player.call(minutes=80, minute_type="premium")

    assert not _settings(player).enabled
    assert (player.credit, player.charged()) == (Decimal("17.20"), [])


def test_a_failed_payment_is_notified_and_the_account_may_be_paused(world: World) -> None:
    player = world.individual(credit="10.05", threshold="10", card=DECLINED_CARD)
    moment = clock.now()
    player.call(minutes=1, minute_type="premium")
    page = player.open("/notifications/")
    assert "Auto-Recharge failed: " in page.text
    assert player.wallet.account.notifications.get(kind="recharge_failed").mail_due_at

    for hours in (2, 9):
        with clock.at(moment + timedelta(hours=hours)):
            work()

    # The third refusal in a row suspends it until the card is another.
    assert _settings(player).suspended_reason == "payment_failed"
    assert purchases_of(player) == [(5000, "declined")] * 3
    assert player.credit == Decimal("9.89")


def test_payment_details_that_are_up_to_date_resolve_it(world: World) -> None:
    player = world.individual(credit="10.05", threshold="10", card=DECLINED_CARD)
    player.call(minutes=1, minute_type="premium")
    assert player.charged() == []
    card = add_card(world.stripe, player.wallet, OTHER_GOOD_CARD)

    player.submit(CONFIGURE, "threshold", enabled="on", payment_method=card.id)

    assert player.charged() == [5000]
    assert player.credit == Decimal("59.89")


@pytest.mark.parametrize("kind", ["agency", "sub_account", "individual"])
def test_agencies_sub_accounts_and_regular_users_can_all_use_it(world: World, kind: str) -> None:
    player = world.sub_account(world.agency()) if kind == "sub_account" else getattr(world, kind)()

    player.submit(CONFIGURE, "threshold", enabled="on", threshold="10.00", amount="50.00")

    assert player.account.kind == kind
    assert player.charged() == [5000]


def test_sub_accounts_configure_it_themselves(world: World) -> None:
    agency = world.agency()
    sub = world.sub_account(agency, credit="30")

    sub.submit(CONFIGURE, "threshold", enabled="on", threshold="10.00", amount="50.00")

    assert _settings(sub).enabled
    assert not _settings(agency).enabled


def test_agencies_monitor_usage_but_cannot_enforce_recharge_settings(world: World) -> None:
    agency = world.agency()
    sub = world.sub_account(agency, credit="30", threshold="10")
    sub.call(minutes=90, minute_type="premium")
    admin = add_member(agency.account, Role.ADMIN)
    for user in (admin, agency.account.memberships.get(role=Role.OWNER).user):
        agency.client.force_login(user)
        page = agency.open(f"/account-manager/{sub.account.pk}/")
        assert "Usage by month" in page.text
        assert "$14.40" in page.text
        agency.client.post("/accounts/switch/", {"account": str(sub.account.pk)})

        answer = agency.client.post(CONFIGURE, {"threshold": "99.00", "amount": "50.00"})

        assert answer.status_code == 403
    saved = _settings(sub)
    assert (saved.enabled, saved.threshold.amount) == (True, Decimal(10))
    assert Account.objects.get(pk=sub.account.pk).agency == agency.account
