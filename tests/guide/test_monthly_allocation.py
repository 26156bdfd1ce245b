"""The guide on Sub-Account Minute Auto Allocation. One test a sentence."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from accounts import clock
from tests.guide.world import SITE, Player, World, purchases_of, runs_of, work
from wallets.models import AutoAllocation, MinuteRate, Pot
from wallets.tests.worlds.builders import OTHER_GOOD_CARD, add_card

START = datetime(2027, 1, 14, 15, tzinfo=UTC)


@pytest.fixture
def agency(world: World) -> Player:
    return world.agency(credit="40")


@pytest.fixture
def sub(world: World, agency: Player) -> Player:
    return world.sub_account(agency, card="")


def _path(sub: Player) -> str:
    return f"/account-manager/{sub.account.pk}/auto-allocation/"


def _allocate(agency: Player, sub: Player, **answers: str) -> None:
    """Save the dialog as a page, and let the workers charge what is due."""
    minutes = {"basic_minutes": "0", "premium_minutes": "0"} | answers
    page = agency.submit(_path(sub), "basic_minutes", **minutes)
    assert page.status == 200, page.text
    work()


def test_an_agency_purchases_basic_and_premium_minutes_for_a_sub_account_every_month(
    agency: Player, sub: Player
) -> None:
    with clock.at(START):
        _allocate(agency, sub, basic_minutes="200", premium_minutes="100")
    for days in (31, 59):
        with clock.at(START + timedelta(days=days)):
            work()

    assert runs_of(sub) == [("14 Jan", "paid"), ("14 Feb", "paid"), ("14 Mar", "paid")]
    assert agency.charged() == [3400, 3400, 3400]
    assert sub.minutes == {"basic": 600, "premium": 300}


def test_it_is_configured_from_account_manager_not_from_payments(
    agency: Player, sub: Player
) -> None:
    manager = agency.client.get("/account-manager/").content.decode()
    payments = agency.client.get("/payments/").content.decode()

    assert _path(sub) in manager
    assert "auto-allocation" not in payments


def test_account_manager_is_in_the_left_sidebar(agency: Player) -> None:
    sidebar = agency.source("/payments/").partition('aria-label="Main"')[2]

    assert '<a href="/account-manager/"' in sidebar.partition("</nav>")[0]
    assert agency.open("/account-manager/").status == 200


def test_the_sub_account_is_found_in_the_list(world: World, agency: Player, sub: Player) -> None:
    other = world.sub_account(agency, "Harbor Yoga", card="")

    source = agency.client.get("/account-manager/", {"search": "northside"}).content.decode()

    rows = source.partition("<tbody>")[2]
    assert sub.account.name in rows
    assert other.account.name not in rows


def test_each_sub_account_has_a_three_dot_menu(agency: Player, sub: Player) -> None:
    source = agency.source("/account-manager/")

    menu = f"account-{sub.account.pk}"
    assert f'popovertarget="{menu}" aria-label="Actions for {sub.account.name}"' in source
    assert f'id="{menu}" popover' in source


def test_manage_auto_allocation_is_in_the_three_dot_menu(agency: Player, sub: Player) -> None:
    source = agency.client.get("/account-manager/").content.decode()
    menu = source.partition(f'id="account-{sub.account.pk}" popover')[2].partition("</div>")[0]

    assert f'href="{_path(sub)}"' in menu
    assert "Manage auto allocation" in menu


def test_basic_minutes_a_month_are_entered(agency: Player, sub: Player) -> None:
    assert "Basic minutes per month" in agency.open(_path(sub)).text

    _allocate(agency, sub, basic_minutes="500")

    assert sub.minutes == {"basic": 500, "premium": 0}
    assert agency.charged() == [4500]


def test_premium_minutes_a_month_are_entered(agency: Player, sub: Player) -> None:
    assert "Premium minutes per month" in agency.open(_path(sub)).text

    _allocate(agency, sub, premium_minutes="250")

    assert sub.minutes == {"basic": 0, "premium": 250}
    assert agency.charged() == [4000]


def test_a_value_of_0_allocates_nothing_of_that_minute_type(agency: Player, sub: Player) -> None:
    _allocate(agency, sub, basic_minutes="0", premium_minutes="100")

    assert [(entry.pot, entry.amount) for entry in sub.bought()] == [(Pot.PREMIUM, 6000)]


def test_the_estimated_monthly_charge_is_shown_in_the_panel(agency: Player, sub: Player) -> None:
    page = agency.open(f"{_path(sub)}estimate/", basic_minutes="500", premium_minutes="250")

    assert "Basic, 500 min × $0.09 $45.00" in page.text
    assert "Premium, 250 min × $0.16 $40.00" in page.text
    assert "Estimated monthly charge $85.00" in page.text


def test_the_estimate_is_based_on_current_minute_rates(agency: Player, sub: Player) -> None:
    _basic_costs("0.12")

    page = agency.open(f"{_path(sub)}estimate/", basic_minutes="500", premium_minutes="0")

    assert "Estimated monthly charge $60.00" in page.text
    assert "Based on current minute rates." in page.text


def test_final_billing_occurs_at_runtime(agency: Player, sub: Player) -> None:
    tomorrow = clock.now() + timedelta(days=1)
    start = agency.account.local_date(tomorrow)
    assert (
        "Final billing occurs at runtime."
        in agency.open(f"{_path(sub)}estimate/", basic_minutes="500", premium_minutes="0").text
    )
    _allocate(agency, sub, basic_minutes="500", start_date=start.isoformat())
    assert agency.charged() == []

    _basic_costs("0.10")
    with clock.at(tomorrow):
        work()

    # The estimate said $45.00; the rate of the day it ran is what is charged.
    assert agency.charged() == [5000]


def test_the_payment_method_of_the_recurring_purchase_is_confirmed(
    world: World, agency: Player, sub: Player
) -> None:
    second = add_card(world.stripe, agency.wallet, OTHER_GOOD_CARD)
    form = agency.open(_path(sub)).form("basic_minutes")
    cards = {agency.wallet.default_payment_method, second.id}
    assert cards <= set(form.choices["payment_method"])

    _allocate(agency, sub, basic_minutes="100", payment_method=second.id)

    (purchase,) = agency.account.purchases.all()
    assert (purchase.card, purchase.state) == ("Mastercard •••• 4444", "succeeded")


def test_without_a_payment_method_one_is_added_before_saving(world: World) -> None:
    agency = world.agency(card="")
    sub = world.sub_account(agency, card="")
    page = agency.open(_path(sub))
    assert "Add a payment method before saving." in page.text

    answer = agency.client.post(_path(sub), {"basic_minutes": "100", "premium_minutes": "0"})

    assert answer.status_code == 422
    assert not AutoAllocation.objects.exists()


def test_save_enables_monthly_allocation_for_that_sub_account(
    world: World, agency: Player, sub: Player
) -> None:
    other = world.sub_account(agency, "Harbor Yoga", card="")

    _allocate(agency, sub, basic_minutes="100")

    assert AutoAllocation.objects.get().account == sub.account
    assert "100 Basic, 0 Premium" in agency.open("/account-manager/").text
    assert other.minutes == {"basic": 0, "premium": 0}


def test_manage_then_manage_auto_allocation_leads_there_too(agency: Player, sub: Player) -> None:
    manage = f"/account-manager/{sub.account.pk}/"
    source = agency.client.get("/account-manager/").content.decode()
    menu = source.partition(f'id="account-{sub.account.pk}" popover')[2].partition("</div>")[0]
    assert f'<a href="{manage}"' in menu

    source = agency.source(manage)

    assert f'id="manage-allocation" href="{_path(sub)}"' in source


def test_the_number_of_basic_and_or_premium_minutes_is_set_and_saved(
    agency: Player, sub: Player
) -> None:
    _allocate(agency, sub, basic_minutes="120", premium_minutes="80")

    form = agency.open(_path(sub)).form("basic_minutes")
    assert form.action == SITE + _path(sub)
    assert (form.fields["basic_minutes"], form.fields["premium_minutes"]) == (["120"], ["80"])


def test_the_selected_minutes_are_purchased_monthly_and_credited_to_that_sub_account(
    agency: Player, sub: Player
) -> None:
    with clock.at(START):
        _allocate(agency, sub, basic_minutes="100")
    with clock.at(START + timedelta(days=30)):
        work()
        assert agency.charged() == [900]
    with clock.at(START + timedelta(days=31)):
        work()

    assert purchases_of(agency) == [(900, "succeeded"), (900, "succeeded")]
    assert sub.minutes["basic"] == 200
    assert agency.minutes["basic"] == 0


def test_they_are_additional_minutes_for_a_selected_sub_account(
    agency: Player, sub: Player
) -> None:
    before = sub.credit

    _allocate(agency, sub, premium_minutes="100")

    assert agency.charged() == [1600]
    assert (agency.credit, sub.credit) == (Decimal(40), before)
    assert sub.minutes["premium"] == 100


def test_included_premium_minutes_of_the_plan_are_not_transferred(world: World) -> None:
    agency = world.agency(included_minutes=300, included=18_000)
    sub = world.sub_account(agency, card="")

    _allocate(agency, sub, premium_minutes="100")

    agency.wallet.refresh_from_db()
    assert agency.wallet.included_seconds == 18_000
    assert agency.charged() == [1600]


def test_included_minutes_stay_reserved_for_the_primary_account(world: World) -> None:
    agency = world.agency(included_minutes=300, included=18_000)
    sub = world.sub_account(agency, card="")
    assert "Minutes included with your plan stay with the primary account" in (
        agency.open(_path(sub)).text
    )

    agency.call(minutes=10, minute_type="premium")
    sub.call(minutes=10, minute_type="premium")

    agency.wallet.refresh_from_db()
    assert agency.wallet.included_seconds == 17_400
    # The sub-account paid its own call; the primary account has no allocation of its own.
    assert sub.credit == Decimal("-1.60")
    assert agency.client.get(_path(agency)).status_code == 404


def _basic_costs(price: str) -> None:
    MinuteRate.objects.create(
        minute_type="basic", price=price, effective_from=clock.now() - timedelta(minutes=1)
    )
