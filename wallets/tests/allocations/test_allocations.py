"""A month of an allocation: charged once, credited, and on which day."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from accounts import clock
from wallets.allocations import planning
from wallets.models import AllocationRun, LedgerEntry
from wallets.prices.rates import set_rate
from wallets.tests.worlds.allocation_world import make_world, moment

pytestmark = pytest.mark.django_db

NOV_14 = moment("2026-11-14 10:00")


def test_the_agency_is_charged_once_for_both_types_and_the_minutes_are_credited(world):
    with clock.at(NOV_14):
        world.save()

    assert world.run_at("2026-11-14 10:01") == ["charge"]
    assert world.run_at("2026-11-14 10:02") == []

    assert world.taken() == [20500]
    assert world.minutes == (500, 1000)
    run = world.run("2026-11-14")
    assert (run.state, run.charged_cents) == ("paid", 20500)
    assert world.sub.wallet.entries.filter(kind=LedgerEntry.Kind.ALLOCATION).count() == 2


def test_the_agency_gets_the_receipt_and_the_sub_account_only_sees_minutes(running):
    [receipt] = running.told(running.agency, "allocation_charged")
    [minutes] = running.told(running.sub, "allocation_received")

    assert receipt == (
        "Visa •••• 4242 was charged $205.00. "
        "Northside Dental got 500 Basic and 1,000 Premium minutes."
    )
    assert minutes == "500 Basic and 1,000 Premium minutes from Brightline Agency."
    assert running.logged(running.agency) == ["planned", "charged"]
    assert running.logged(running.sub) == ["received"]


def test_the_charge_says_who_pays_for_whom_and_at_which_rates(running):
    [made] = running.purchases()

    assert (made.payer, made.wallet) == (running.agency, running.sub.wallet)
    assert (made.purpose, made.buys, made.amount_cents) == ("allocation", "allocation", 20500)
    assert (made.basic_minutes, made.basic_rate) == (500, Decimal("0.09"))
    assert (made.premium_minutes, made.premium_rate) == (1000, Decimal("0.16"))
    card = running.card
    assert (made.payment_method, made.card) == (card.id, card.label)
    assert (made.card_fingerprint, made.requested_by) == (card.fingerprint, None)


def test_months_follow_on_the_same_day(running):
    assert running.run_at("2026-12-13 23:59") == []
    assert running.run_at("2026-12-14 00:00") == ["charge"]
    assert running.run_at("2027-01-14 09:00") == ["charge"]

    assert running.taken() == [20500, 20500, 20500]
    assert running.minutes == (1500, 3000)


def test_the_charge_is_rounded_half_up_to_the_cent_once(world):
    with clock.at(NOV_14):
        for minute_type in ("premium", "basic"):
            set_rate(
                minute_type=minute_type,
                price=Decimal("0.1625"),
                effective_from=clock.now(),
                actor=None,
            )
        world.save(basic=1, premium=5)

    world.run_at("2026-11-14 10:01")

    assert world.taken() == [98]  # 6 x 16.25 cents = 97.5; each line rounded would be 16 + 81.


def test_a_run_freezes_the_rates_of_its_moment_not_of_saving(world):
    with clock.at(NOV_14):
        world.save(start_date=date(2026, 11, 20))
        set_rate(
            minute_type="basic",
            price=Decimal("0.10"),
            effective_from=moment("2026-11-18"),
            actor=None,
        )

    world.run_at("2026-11-20 08:00")

    assert world.taken() == [21000]


# --- Time: month ends, time zones, outages.


def test_an_anchor_on_the_31st_runs_once_a_month_without_drifting(world):
    with clock.at(moment("2027-01-31 09:00")):
        world.save()
    day = date(2027, 1, 31)
    while day < date(2027, 6, 1):
        world.run_at(f"{day} 12:00")
        day += timedelta(days=1)

    assert [period for period, _ in world.runs] == [
        "2027-01-31",
        "2027-02-28",
        "2027-03-31",
        "2027-04-30",
        "2027-05-31",
    ]
    assert world.taken() == [20500] * 5


@pytest.mark.parametrize(
    ("timezone", "anchor", "moments"),
    [
        ("America/New_York", date(2027, 3, 14), ["2027-03-14 05:00", "2027-03-14 07:30"]),
        ("America/New_York", date(2026, 11, 1), ["2026-11-01 05:30", "2026-11-01 06:30"]),
        ("Australia/Lord_Howe", date(2027, 4, 4), ["2027-04-03 14:45", "2027-04-03 15:15"]),
        ("Etc/GMT+12", date(2026, 11, 14), ["2026-11-14 12:00", "2026-11-15 11:59"]),
        ("Pacific/Kiritimati", date(2026, 11, 14), ["2026-11-13 10:00", "2026-11-14 09:59"]),
    ],
)
def test_a_day_with_a_gap_or_a_fold_is_charged_once(stripe, timezone, anchor, moments):
    world = make_world(stripe, timezone=timezone)
    with clock.at(moment(f"{anchor - timedelta(days=10)} 12:00")):
        world.save(start_date=anchor)

    decided = [code for text in moments for code in world.run_at(text)]

    assert decided == ["charge"]
    assert world.taken() == [20500]
    before = moment(moments[0]) - timedelta(days=1)
    assert world.agency.local_date(before) < anchor


def test_after_a_day_of_outage_the_month_runs_late_under_its_own_date(running):
    assert running.run_at("2026-12-15 18:00") == ["charge"]

    assert running.runs[-1] == ("2026-12-14", "paid")
    assert running.run_at("2027-01-13 18:00") == []
    assert running.run_at("2027-01-14 00:00") == ["charge"]


def test_after_40_days_of_outage_only_the_current_month_is_charged_and_the_missed_one_told(running):
    assert running.run_at("2027-01-20 12:00") == ["charge"]

    assert running.runs == [
        ("2026-11-14", "paid"),
        ("2026-12-14", "missed"),
        ("2027-01-14", "paid"),
    ]
    assert running.taken() == [20500, 20500]
    assert running.told(running.agency, "allocation_missed") == [
        "The monthly allocation for Northside Dental of 14 Dec 2026 was missed. Nothing was "
        "charged and no minutes were credited. It is not made up for later."
    ]


def test_a_run_that_was_planned_but_never_charged_is_missed_when_the_next_month_begins(running):
    with clock.at(moment("2026-12-14 00:01")):
        [run_id] = planning.plan_due(now=clock.now())

    assert running.run_at("2027-01-14 00:01") == ["charge"]

    assert AllocationRun.objects.get(pk=run_id).state == "missed"
    assert running.taken() == [20500, 20500]


@pytest.mark.usefixtures("running")
def test_planning_twice_makes_one_run():
    with clock.at(moment("2026-12-14 00:01")):
        first = planning.plan_due(now=clock.now())
        second = planning.plan_due(now=clock.now())

    assert (len(first), second) == (1, [])


def test_the_dry_run_says_what_would_happen_and_changes_nothing(running):
    now = moment("2027-01-20 12:00")
    with clock.at(now):
        lines = planning.dry_run(now=now)

    assert lines == [
        "Northside Dental, 14 Dec 2026: missed",
        "Northside Dental, 14 Jan 2027: charge $205.00 for 500 Basic and 1,000 Premium minutes",
    ]
    assert running.runs == [("2026-11-14", "paid")]
    assert running.taken() == [20500]
