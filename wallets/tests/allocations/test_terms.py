"""What people agree to: the preview, the day it runs on, and the coming charges."""

from datetime import date
from decimal import Decimal

import pytest

from accounts import clock
from wallets.allocations import configure
from wallets.allocations.terms import charge_days
from wallets.errors import InvalidAmount, NoPaymentMethod
from wallets.models import AllocationRun, AutoAllocation
from wallets.months import is_clamped
from wallets.tests.worlds.allocation_world import moment
from wallets.tests.worlds.builders import OTHER_GOOD_CARD, add_card

pytestmark = pytest.mark.django_db

NOV_14 = moment("2026-11-14 10:00")


def preview_at(world, text, *args, **facts):
    with clock.at(moment(text)):
        return world.preview(*args, **facts)


def another_card(world):
    return add_card(world.stripe, world.agency.wallet, OTHER_GOOD_CARD).id


def skip_at(world, text):
    with clock.at(moment(text)):
        configure.skip_next(account=world.sub, agency=world.agency, actor=None)


def test_the_coming_charges_are_clamped_to_short_months_and_leave_out_the_skipped_one():
    anchor = date(2027, 1, 31)

    days = charge_days(anchor, first=anchor, skipped=date(2027, 3, 31), count=4)

    assert days == [anchor, date(2027, 2, 28), date(2027, 4, 30), date(2027, 5, 31)]
    assert [is_clamped(day, anchor) for day in days] == [False, True, True, False]


def test_the_first_charge_may_lie_between_two_due_days():
    days = charge_days(date(2027, 1, 14), first=date(2027, 1, 20), count=2)

    assert days == [date(2027, 1, 20), date(2027, 2, 14)]


# --- What cannot be.


def test_no_minutes_are_shown_as_no_charges(world):
    shown = world.preview(basic=0, premium=0)

    assert (shown.text, shown.estimate.total) == ("No monthly charges.", Decimal(0))
    assert (shown.first_charge, shown.charge_now, shown.charge_days) == (None, 0, ())
    assert (shown.problem, shown.problem_field) == ("", "")


@pytest.mark.parametrize(
    ("basic", "premium", "field"), [(1, 0, "basic_minutes"), (0, 1, "premium_minutes")]
)
def test_a_preview_of_what_cannot_be_names_the_field_and_promises_nothing(
    world, basic, premium, field
):
    shown = world.preview(basic=basic, premium=premium)

    assert shown.problem == "The monthly charge must be at least $0.50. Enter more minutes."
    assert (shown.problem_field, shown.text) == (field, "")
    assert (shown.first_charge, shown.charge_now, shown.charge_days) == (None, 0, ())


def test_without_a_card_the_person_is_told_where_to_add_one(world):
    message = "Choose a payment method. Add one under Payments first."

    with pytest.raises(NoPaymentMethod) as refusal:
        world.save(payment_method="")

    assert str(refusal.value) == message
    assert refusal.value.fields == {"payment_method": message}
    assert not AutoAllocation.objects.exists()


# --- The day it runs on.


@pytest.mark.parametrize(
    ("at", "start", "is_allowed"),
    [
        ("2026-11-20", date(2026, 11, 14), True),
        ("2026-11-20", date(2026, 11, 20), True),
        ("2026-11-20", date(2026, 12, 14), True),
        ("2026-11-20", date(2027, 2, 14), True),
        ("2026-11-20", date(2026, 12, 13), False),
        ("2026-11-14 12:00", date(2026, 12, 1), False),
        ("2027-01-20", date(2026, 12, 14), False),
    ],
)
def test_a_schedule_that_runs_takes_its_own_days_and_today_for_its_start(
    running, at, start, is_allowed
):
    """What people see in the form stays valid; the day itself never moves."""
    with clock.at(moment(at)):
        if is_allowed:
            running.save(basic=600, start_date=start)
        else:
            with pytest.raises(InvalidAmount, match="runs on the 14th"):
                running.save(basic=600, start_date=start)

    allocation = running.allocation
    assert allocation.anchor_date == date(2026, 11, 14)
    assert allocation.basic_minutes == (600 if is_allowed else 500)


def test_a_schedule_that_has_not_begun_keeps_its_start_until_another_is_chosen(world):
    with clock.at(NOV_14):
        world.save(start_date=date(2026, 12, 1))
        assert world.save(basic=600).anchor_date == date(2026, 12, 1)
        assert world.save(start_date=date(2026, 12, 5)).anchor_date == date(2026, 12, 5)
        assert world.preview().anchor == date(2026, 12, 5)


def test_restarting_on_the_day_the_paid_month_ends_begins_a_new_schedule(world):
    with clock.at(moment("2027-01-31 09:00")):
        world.save()
    world.run_at("2027-01-31 09:01")
    world.stop()

    with clock.at(moment("2027-02-10")):
        restarted = world.save(start_date=date(2027, 2, 28))

    assert restarted.anchor_date == date(2027, 2, 28)


def test_a_month_paid_on_a_clamped_day_lasts_until_the_anchors_own_day(world):
    with clock.at(moment("2027-01-31 09:00")):
        world.save()
    for text in ("2027-01-31 09:01", "2027-02-28 00:00"):
        assert world.run_at(text) == ["charge"]
    world.stop()

    shown = preview_at(world, "2027-03-10")

    assert shown.text == "Already paid until 31 Mar: nothing is charged before."
    assert (shown.anchor, shown.first_charge) == (date(2027, 1, 31), date(2027, 3, 31))


def test_a_new_start_moved_back_into_the_paid_month_keeps_the_day_it_was_paid_by(running):
    running.stop()
    with clock.at(moment("2026-11-20")):
        running.save(start_date=date(2026, 12, 20))
        shown = running.preview(start_date=date(2026, 12, 1))
        assert running.save(start_date=date(2026, 12, 14)).anchor_date == date(2026, 12, 14)
        moved = running.save(start_date=date(2026, 12, 13))

    assert (shown.anchor, shown.first_charge) == (date(2026, 11, 14), date(2026, 12, 14))
    assert moved.anchor_date == date(2026, 11, 14)
    assert running.run_at("2026-12-13 23:00") == []
    assert running.run_at("2026-12-14 00:00") == ["charge"]
    assert running.taken() == [20500, 20500]


def test_a_month_that_was_never_paid_holds_no_restart_up(failing):
    failing.stop()

    with clock.at(moment("2026-11-20")):
        shown = failing.preview()

    assert shown.text == "First charge today, $205.00, then monthly on the 20th."
    assert shown.anchor == date(2026, 11, 20)


# --- The first charge.


def test_the_preview_lists_the_year_of_charges_and_the_day_they_follow(world):
    shown = preview_at(world, "2026-11-14 10:00", start_date=date(2027, 1, 31))

    assert shown.anchor == date(2027, 1, 31)
    assert len(shown.charge_days) == 12
    assert shown.charge_days[:3] == (date(2027, 1, 31), date(2027, 2, 28), date(2027, 3, 31))
    assert shown.charge_days[-1] == date(2027, 12, 31)


def test_a_month_that_is_skipped_is_not_the_next_charge(running):
    skip_at(running, "2026-11-20")

    shown = preview_at(running, "2026-11-20")

    assert shown.text == "Next charge 14 Jan 2027, $205.00, then monthly on the 14th."
    assert shown.charge_days[:2] == (date(2027, 1, 14), date(2027, 2, 14))


def test_a_month_that_has_begun_without_a_charge_is_charged_today(running):
    shown = preview_at(running, "2026-12-14 00:00")

    assert shown.text == "First charge today, $205.00, then monthly on the 14th."
    assert (shown.first_charge, shown.charge_now) == (date(2026, 12, 14), Decimal("205.00"))


def test_restarting_on_the_day_after_the_paid_month_charges_today(running):
    running.stop()

    shown = preview_at(running, "2026-12-14 00:00")

    assert shown.text == "First charge today, $205.00, then monthly on the 14th."


def test_another_card_charges_no_paid_month_again(running):
    shown = preview_at(running, "2026-11-20", payment_method=another_card(running))

    assert shown.text == "Next charge 14 Dec, $205.00, then monthly on the 14th."
    assert (shown.first_charge, shown.charge_now) == (date(2026, 12, 14), 0)


@pytest.mark.parametrize("card", ["", "the same"])
def test_an_unpaid_month_waits_for_another_card(failing, card):
    card = failing.card.id if card else ""

    shown = preview_at(failing, "2026-11-14 10:10", payment_method=card)

    assert shown.text == "Next charge 14 Dec, $205.00, then monthly on the 14th."
    assert (shown.first_charge, shown.charge_now) == (date(2026, 12, 14), 0)


def test_another_card_pays_the_unpaid_month_as_it_was_and_no_skipped_one(failing):
    skip_at(failing, "2026-11-14 10:05")

    shown = preview_at(
        failing, "2026-11-14 10:10", basic=0, premium=100, payment_method=another_card(failing)
    )

    assert shown.text == (
        "The unpaid $205.00 of 14 Nov is charged today with this card, "
        "then $16.00 monthly on the 14th."
    )
    assert shown.charge_now == Decimal("205.00")
    assert shown.charge_days[:2] == (date(2026, 11, 14), date(2027, 1, 14))


def test_an_unpaid_month_that_passed_is_not_charged_with_another_card(failing):
    AllocationRun.objects.update(state="failed")

    shown = preview_at(
        failing, "2026-12-14 00:00", basic=0, premium=100, payment_method=another_card(failing)
    )

    assert shown.text == "First charge today, $16.00, then monthly on the 14th."
    assert shown.charge_now == Decimal("16.00")


@pytest.mark.parametrize(
    ("cents", "text", "charge_now"),
    [
        (49, "First charge today, $205.00, then monthly on the 14th.", 205),
        (50, "Next charge 14 Dec, $205.00, then monthly on the 14th.", 0),
    ],
)
def test_a_month_below_stripes_minimum_is_charged_anew_with_the_same_card(
    failing, cents, text, charge_now
):
    AllocationRun.objects.update(amount_cents=cents, state="failed")

    shown = preview_at(failing, "2026-11-19", payment_method=failing.card.id)

    assert (shown.text, shown.charge_now) == (text, charge_now)


@pytest.mark.parametrize(
    ("cents", "begins"), [(49, "First charge today, $205.00"), (50, "The unpaid $0.50 of 14 Nov")]
)
def test_a_month_keeps_an_amount_that_stripe_takes_for_another_card(failing, cents, begins):
    AllocationRun.objects.update(amount_cents=cents)

    shown = preview_at(failing, "2026-11-19", payment_method=another_card(failing))

    assert shown.text.startswith(begins)


def test_a_canceled_month_is_charged_when_it_is_restarted_in_it(failing):
    with clock.at(moment("2026-11-14 11:30")):
        failing.stop()
        shown = failing.preview(basic=0, premium=100)

    assert shown.text == "First charge today, $16.00, then monthly on the 14th."
    assert (shown.first_charge, shown.charge_now) == (date(2026, 11, 14), Decimal("16.00"))
