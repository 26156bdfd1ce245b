"""How days are said."""

from datetime import date

import pytest

from wallets.texts import day_of_month, spoken


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


def test_a_date_of_another_year_names_the_year():
    today = date(2026, 11, 22)

    assert spoken(date(2026, 12, 14), today=today) == "14 Dec"
    assert spoken(date(2027, 1, 14), today=today) == "14 Jan 2027"
