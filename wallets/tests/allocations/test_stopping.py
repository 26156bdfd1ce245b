"""Stopping, restarting and skipping a monthly allocation."""

from datetime import date

import pytest

from accounts import clock
from accounts.tests.builders import make_user
from wallets.allocations import configure, runs
from wallets.charging import purchases
from wallets.errors import InvalidAmount, Refused
from wallets.tests.worlds.allocation_world import make_unanswered, moment

pytestmark = pytest.mark.django_db

NOV_14 = moment("2026-11-14 10:00")


def test_both_zero_stops_it(running):
    with clock.at(moment("2026-11-20")):
        allocation = running.save(basic=0, premium=0, payment_method="")

    assert not allocation.active
    assert running.run_at("2026-12-14 01:00") == []
    assert running.minutes == (500, 1000)
    assert running.taken() == [20500]


def test_restarting_inside_a_paid_month_keeps_the_day_and_charges_nothing_before(running):
    running.stop()

    with clock.at(moment("2026-11-20")):
        shown = running.preview(basic=0, premium=100)
        restarted = running.save(basic=0, premium=100)

    assert shown.text == "Already paid until 14 Dec: nothing is charged before."
    assert shown.first_charge == date(2026, 12, 14)
    assert restarted.anchor_date == date(2026, 11, 14)
    assert running.run_at("2026-11-20 01:00") == []
    assert running.run_at("2026-12-13 23:00") == []
    assert running.run_at("2026-12-14 01:00") == ["charge"]
    assert running.taken() == [1600, 20500]


def test_restarting_after_the_paid_month_starts_a_new_schedule(running):
    running.stop()

    with clock.at(moment("2027-01-03")):
        restarted = running.save()

    assert restarted.anchor_date == date(2027, 1, 3)
    assert running.run_at("2027-01-03 01:00") == ["charge"]


def test_restarting_on_a_later_day_than_is_paid_for_moves_the_schedule(running):
    running.stop()

    with clock.at(moment("2026-11-20")):
        restarted = running.save(start_date=date(2026, 12, 20))

    assert restarted.anchor_date == date(2026, 12, 20)
    assert running.run_at("2026-12-14 01:00") == []
    assert running.run_at("2026-12-20 01:00") == ["charge"]


def test_stopping_cancels_a_run_that_waits_for_its_retry(world):
    world.decline_with()
    with clock.at(NOV_14):
        world.save()
    world.run_at("2026-11-14 10:01")

    world.stop()

    assert world.runs == [("2026-11-14", "canceled")]
    world.accept()
    assert world.run_at("2026-11-15") == []
    assert world.taken() == []


def test_a_run_canceled_today_is_due_again_when_restarted_today(world):
    world.decline_with()
    with clock.at(NOV_14):
        world.save()
        runs.charge_due(now=clock.now())
        world.stop()
        world.accept()
        world.save(basic=0, premium=100)

    assert world.run_at("2026-11-14 10:05") == ["charge"]
    assert world.taken() == [1600]
    assert world.runs == [("2026-11-14", "paid")]


# --- Skipping.


def test_skip_next_leaves_out_one_month_only(running):
    with clock.at(moment("2026-11-20")):
        configure.skip_next(account=running.sub, agency=running.agency, actor=make_user())
        configure.skip_next(account=running.sub, agency=running.agency, actor=None)
        assert configure.upcoming(running.allocation, 2) == [date(2027, 1, 14), date(2027, 2, 14)]

    assert running.run_at("2026-12-14 01:00") == []
    assert running.run_at("2027-01-14 01:00") == ["charge"]

    assert running.runs == [
        ("2026-11-14", "paid"),
        ("2026-12-14", "skipped"),
        ("2027-01-14", "paid"),
    ]


def test_a_skipped_month_can_be_taken_back_until_it_begins(running):
    who = {"account": running.sub, "agency": running.agency, "actor": None}
    with clock.at(moment("2026-11-20")):
        configure.skip_next(**who)
        configure.unskip(**who)
        assert configure.upcoming(running.allocation, 1) == [date(2026, 12, 14)]
        with pytest.raises(Refused, match="No coming month is skipped"):
            configure.unskip(**who)

    assert running.run_at("2026-12-14 01:00") == ["charge"]


def test_a_year_of_dates_is_known_ahead(running):
    with clock.at(moment("2026-11-20")):
        dates = configure.upcoming(running.allocation)

    assert (len(dates), dates[0], dates[-1]) == (12, date(2026, 12, 14), date(2027, 11, 14))


def test_restarting_while_the_outcome_of_the_stopped_month_is_unknown_charges_no_other(stripe):
    """The money may have been taken: the month is this payment's until Stripe says otherwise."""
    world, purchase = make_unanswered(stripe)
    with clock.at(moment("2026-11-14 10:05")):
        world.stop()
    with clock.at(moment("2026-11-15 09:00")):
        world.save()
    world.run_at("2026-11-15 09:01")

    with clock.at(moment("2026-11-15 09:02")):
        purchases.drive(purchase_id=purchase.pk)

    assert world.taken() == [20500]
    assert world.minutes == (500, 1000)
    assert world.runs == [("2026-11-14", "paid")]
    assert world.allocation.active


@pytest.mark.parametrize(("start", "is_allowed"), [("2026-12-13", False), ("2026-12-14", True)])
def test_a_later_start_within_a_month_of_unknown_outcome_waits_for_that(stripe, start, is_allowed):
    world, purchase = make_unanswered(stripe)
    with clock.at(moment("2026-11-15 09:00")):
        world.stop()
        shown = world.preview(start_date=date.fromisoformat(start))
        if is_allowed:
            world.save(start_date=date.fromisoformat(start))
            return
        with pytest.raises(InvalidAmount, match="The payment for the month of 14 Nov has no outc"):
            world.save(start_date=date.fromisoformat(start))
        purchases.drive(purchase_id=purchase.pk)
        known = world.preview(start_date=date.fromisoformat(start))

    assert (shown.problem_field, known.problem) == ("start_date", "")
    assert known.first_charge == date(2026, 12, 14)
