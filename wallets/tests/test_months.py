import calendar
from datetime import date, timedelta
from itertools import islice

import pytest

from wallets.months import charge_days, current_period, due_date, due_dates, is_clamped, next_due
from wallets.texts import day_of_month, spoken

LEAP_AND_COMMON_YEAR = 24  # Months from January 2027 on reach over February 2028, a leap day.


@pytest.mark.parametrize("day", range(1, 32))
def test_every_anchor_day_is_kept_for_24_months_and_only_clamped_to_the_months_end(day):
    anchor = date(2027, 1, day)

    for k in range(LEAP_AND_COMMON_YEAR):
        year, month = 2027 + k // 12, k % 12 + 1
        last_day = calendar.monthrange(year, month)[1]
        assert due_date(anchor, k) == date(year, month, min(day, last_day))


def test_the_31st_does_not_drift_after_february():
    dates = [due_date(date(2027, 1, 31), k) for k in range(5)]

    assert dates == [
        date(2027, 1, 31),
        date(2027, 2, 28),
        date(2027, 3, 31),
        date(2027, 4, 30),
        date(2027, 5, 31),
    ]


def test_an_anchor_on_leap_day_meets_28_february_and_its_own_day_again():
    anchor = date(2028, 2, 29)

    assert due_date(anchor, 12) == date(2029, 2, 28)
    assert due_date(anchor, 13) == date(2029, 3, 29)
    assert due_date(anchor, 48) == date(2032, 2, 29)


def test_periods_reach_over_the_end_of_the_year():
    assert due_date(date(2026, 11, 30), 3) == date(2027, 2, 28)
    assert due_date(date(2026, 12, 1), 1) == date(2027, 1, 1)


@pytest.mark.parametrize("day", [1, 14, 28, 29, 30, 31])
def test_every_day_of_two_years_lies_in_exactly_one_period(day):
    anchor = date(2027, 1, day)
    today = anchor

    for _ in range(730):
        start = current_period(anchor, today)
        following = next_due(anchor, today)
        assert start <= today < following
        assert current_period(anchor, following) == following
        assert current_period(anchor, following - timedelta(days=1)) == start
        today += timedelta(days=1)


def test_before_the_anchor_there_is_no_period_and_the_anchor_is_next():
    assert current_period(date(2027, 1, 31), date(2027, 1, 30)) is None
    assert next_due(date(2027, 1, 31), date(2026, 2, 1)) == date(2027, 1, 31)


def test_due_dates_after_a_day_leave_that_day_out():
    coming = due_dates(date(2027, 1, 31), after=date(2027, 2, 28))

    assert list(islice(coming, 3)) == [date(2027, 3, 31), date(2027, 4, 30), date(2027, 5, 31)]


@pytest.mark.parametrize(
    ("day", "said"),
    [
        (1, "1st"),
        (2, "2nd"),
        (3, "3rd"),
        (4, "4th"),
        (11, "11th"),
        (12, "12th"),
        (13, "13th"),
        (14, "14th"),
        (21, "21st"),
        (22, "22nd"),
        (23, "23rd"),
        (30, "30th"),
        (31, "31st"),
    ],
)
def test_days_of_the_month_are_said_as_people_say_them(day, said):
    assert day_of_month(date(2027, 1, day)) == said


def test_due_dates_end_before_the_calendar_does():
    december = date(9998, 12, 31)

    assert list(due_dates(date(9998, 1, 31), after=date(9998, 11, 30))) == [december]


def test_a_date_of_another_year_names_the_year():
    today = date(2026, 11, 22)

    assert spoken(date(2026, 12, 14), today=today) == "14 Dec"
    assert spoken(date(2027, 1, 14), today=today) == "14 Jan 2027"


def test_the_coming_charges_are_clamped_to_short_months_and_leave_out_the_skipped_one():
    anchor = date(2027, 1, 31)

    days = charge_days(anchor, first=anchor, skipped=date(2027, 3, 31), count=4)

    assert days == [anchor, date(2027, 2, 28), date(2027, 4, 30), date(2027, 5, 31)]
    assert [is_clamped(day, anchor) for day in days] == [False, True, True, False]


def test_the_first_charge_may_lie_between_two_due_days():
    days = charge_days(date(2027, 1, 14), first=date(2027, 1, 20), count=2)

    assert days == [date(2027, 1, 20), date(2027, 2, 14)]
