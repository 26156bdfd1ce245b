"""Setting a monthly allocation: what may be saved, and what the preview says before."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from accounts import clock
from accounts.tests.builders import close, make_agency, make_individual, make_sub_account
from wallets.errors import InvalidAmount, NoPaymentMethod, Refused
from wallets.models import AutoAllocation
from wallets.prices.rates import set_rate
from wallets.tests.worlds.allocation_world import make_world, moment
from wallets.tests.worlds.builders import OTHER_GOOD_CARD, add_card

pytestmark = pytest.mark.django_db

NOV_14 = moment("2026-11-14 10:00")


def nothing_was_set(world):
    return not AutoAllocation.objects.exists() and not world.stripe.truth()["payment_intents"]


@pytest.mark.parametrize(
    ("basic", "premium", "field", "text"),
    [
        (-1, 0, "basic_minutes", "Enter a whole number of minutes, 0 or more."),
        (0, 1.5, "premium_minutes", "Enter a whole number of minutes, 0 or more."),
        (True, 0, "basic_minutes", "Enter a whole number of minutes, 0 or more."),
        (0, "500", "premium_minutes", "Enter a whole number of minutes, 0 or more."),
        (1_000_001, 0, "basic_minutes", "Enter at most 1,000,000 minutes."),
        (0, 0, "basic_minutes", "Enter minutes for at least one type."),
        (5, 0, "basic_minutes", "The monthly charge must be at least $0.50. Enter more minutes."),
        (0, 3, "premium_minutes", "The monthly charge must be at least $0.50. Enter more minutes."),
    ],
)
def test_minutes_that_cannot_be_are_refused_with_the_field(world, basic, premium, field, text):
    with pytest.raises(InvalidAmount) as refusal:
        world.save(basic=basic, premium=premium)

    assert refusal.value.fields == {field: text}
    assert nothing_was_set(world)


def test_a_million_minutes_and_54_cents_are_allowed(world):
    assert world.save(basic=1_000_000, premium=1_000_000).basic_minutes == 1_000_000
    assert world.save(basic=6, premium=0).basic_minutes == 6


@pytest.mark.parametrize(("price", "is_allowed"), [("0.0049", False), ("0.005", True)])
def test_a_month_costs_fifty_cents_or_more(world, price, is_allowed):
    start = clock.now() + timedelta(seconds=1)
    set_rate(minute_type="basic", price=Decimal(price), effective_from=start, actor=None)

    with clock.at(start):
        if is_allowed:
            assert world.save(basic=100, premium=0).basic_minutes == 100
            return
        with pytest.raises(InvalidAmount, match=r"at least \$0.50"):
            world.save(basic=100, premium=0)

    assert nothing_was_set(world)


@pytest.mark.parametrize(("basic", "is_allowed"), [(99, True), (100, False)])
def test_a_month_costs_a_cent_less_than_a_million_dollars(world, basic, is_allowed):
    start = clock.now() + timedelta(seconds=1)
    set_rate(minute_type="basic", price=Decimal("0.01"), effective_from=start, actor=None)
    set_rate(minute_type="premium", price=Decimal(1), effective_from=start, actor=None)

    with clock.at(start):
        if is_allowed:
            assert world.save(basic=basic, premium=999_999).basic_minutes == basic
            return
        with pytest.raises(InvalidAmount, match=r"at most \$999,999.99"):
            world.save(basic=basic, premium=999_999)

    assert nothing_was_set(world)


@pytest.mark.parametrize(
    ("start", "is_allowed"),
    [
        (date(2026, 11, 13), False),
        (date(2026, 11, 14), True),
        (date(2027, 11, 14), True),
        (date(2027, 11, 15), False),
    ],
)
def test_the_start_date_is_today_to_a_year_ahead(world, start, is_allowed):
    with clock.at(NOV_14):
        if is_allowed:
            assert world.save(start_date=start).anchor_date == start
            return
        with pytest.raises(InvalidAmount) as refusal:
            world.save(start_date=start)

    assert refusal.value.fields == {"start_date": "Choose a start date from today to 14 Nov 2027."}
    assert nothing_was_set(world)


def test_today_is_the_agencys_day(stripe):
    world = make_world(stripe, timezone="Pacific/Auckland")

    with clock.at(moment("2026-11-14 11:30")):
        allocation = world.save()

    assert allocation.anchor_date == date(2026, 11, 15)


@pytest.mark.parametrize("card", ["", "pm_of_somebody_else"])
def test_a_saved_card_of_the_agency_is_required(world, card):
    with pytest.raises(NoPaymentMethod) as refusal:
        world.save(payment_method=card)

    assert "payment_method" in refusal.value.fields
    assert nothing_was_set(world)


def test_a_card_of_the_sub_account_is_refused(world):
    theirs = add_card(world.stripe, world.sub.wallet)

    with pytest.raises(NoPaymentMethod):
        world.save(payment_method=theirs.id)

    assert nothing_was_set(world)


def test_an_expired_card_is_refused(world):
    old = add_card(world.stripe, world.agency.wallet, OTHER_GOOD_CARD, exp_month=10, exp_year=2030)

    with clock.at(moment("2030-11-01")), pytest.raises(NoPaymentMethod) as refusal:
        world.save(payment_method=old.id)

    assert str(refusal.value) == "Mastercard •••• 4444 has expired. Choose another card."
    assert nothing_was_set(world)


def test_only_the_agencys_own_open_sub_accounts_can_have_one(world):
    strangers = {
        world.agency: "The primary account cannot have a monthly allocation.",
        make_individual(): "Ada Lovelace is not a sub-account of Brightline Agency.",
        make_sub_account("Elsewhere", agency=make_agency("Other")): "Elsewhere is not a",
        close(make_sub_account("Gone", agency=world.agency)): "Gone is closed.",
    }
    for account, text in strangers.items():
        world.sub = account
        with pytest.raises(Refused, match=text):
            world.save()

    assert nothing_was_set(world)


def test_a_closed_agency_cannot_save(world):
    close(world.agency)

    with pytest.raises(Refused, match="Brightline Agency is closed"):
        world.save()

    assert nothing_was_set(world)


def test_saving_nudges_the_first_charge_after_the_commit(
    world, nudges, django_capture_on_commit_callbacks
):
    with clock.at(NOV_14), django_capture_on_commit_callbacks(execute=True):
        world.save()
        assert ("wallets.run_allocation", (world.run("2026-11-14").pk,)) not in nudges

    assert ("wallets.run_allocation", (world.run("2026-11-14").pk,)) in nudges


def test_changed_minutes_count_from_the_next_month(running):
    with clock.at(moment("2026-11-20")):
        running.save(basic=0, premium=100)

    assert running.run_at("2026-11-20 01:00") == []
    assert running.run_at("2026-12-14 01:00") == ["charge"]

    assert running.taken() == [1600, 20500]


def test_a_running_schedule_keeps_its_day(running):
    with clock.at(moment("2026-11-20")), pytest.raises(InvalidAmount) as refusal:
        running.save(start_date=date(2026, 12, 1))

    assert refusal.value.fields == {
        "start_date": "This allocation runs on the 14th. To move it, stop it and start again."
    }
    assert running.allocation.anchor_date == date(2026, 11, 14)


# --- The preview.


def test_the_preview_says_what_is_charged_and_when(world):
    with clock.at(NOV_14):
        today = world.preview()
        later = world.preview(start_date=date(2026, 12, 1))

    assert (today.estimate.total, today.first_charge, today.charge_now) == (
        Decimal("205.00"),
        date(2026, 11, 14),
        Decimal("205.00"),
    )
    assert today.text == "First charge today, $205.00, then monthly on the 14th."
    assert later.text == "First charge 1 Dec, $205.00, then monthly on the 1st."
    assert later.charge_now == 0
    assert nothing_was_set(world)


def test_the_preview_tells_what_is_wrong_while_the_person_types(world):
    tiny = world.preview(basic=1, premium=0)

    assert tiny.problem == "The monthly charge must be at least $0.50. Enter more minutes."
    assert (tiny.estimate.total, tiny.first_charge) == (Decimal("0.09"), None)


def test_the_preview_of_a_paid_month_says_when_it_is_charged_next(running):
    with clock.at(moment("2026-11-20")):
        assert running.preview(basic=0, premium=100).text == (
            "Next charge 14 Dec, $16.00, then monthly on the 14th."
        )
