"""What people agree to: the coming charges."""

from datetime import date

from wallets.allocations.terms import charge_days
from wallets.months import is_clamped


def test_the_coming_charges_are_clamped_to_short_months_and_leave_out_the_skipped_one():
    anchor = date(2027, 1, 31)

    days = charge_days(anchor, first=anchor, skipped=date(2027, 3, 31), count=4)

    assert days == [anchor, date(2027, 2, 28), date(2027, 4, 30), date(2027, 5, 31)]
    assert [is_clamped(day, anchor) for day in days] == [False, True, True, False]


def test_the_first_charge_may_lie_between_two_due_days():
    days = charge_days(date(2027, 1, 14), first=date(2027, 1, 20), count=2)

    assert days == [date(2027, 1, 20), date(2027, 2, 14)]
