import calendar
from datetime import date, timedelta
from itertools import islice

import pytest

from wallets.months import current_period, due_date, due_dates, next_due

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


def test_due_dates_end_before_the_calendar_does():
    december = date(9998, 12, 31)

    assert list(due_dates(date(9998, 1, 31), after=date(9998, 11, 30))) == [december]
