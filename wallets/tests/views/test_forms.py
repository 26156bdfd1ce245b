"""How typed amounts are read."""

from decimal import Decimal

import pytest
from django import forms

from wallets.views.forms import DollarsField, MinutesField


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("50", "50"),
        ("50.5", "50.5"),
        (" $1,234.50 ", "1234.50"),
        ("1 234.50", "1234.50"),
        ("0.01", "0.01"),
    ],
)
def test_dollars_are_read_as_people_write_them(typed, read):
    assert DollarsField(example="50.00").clean(typed) == Decimal(read)


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "1.234",
        "-5",
        "1e3",
        "NaN",
        "Infinity",
        "٥٠",
        "12,34",
        "five",
        "1.2.3",
        "+5",
        "0x10",
        ".",
    ],
)
def test_anything_else_is_refused_with_an_example(typed):
    with pytest.raises(forms.ValidationError) as refused:
        DollarsField(example="50.00").clean(typed)

    assert refused.value.messages == ["Enter an amount in dollars and cents, like 50.00"]


def test_an_optional_amount_may_be_left_empty():
    assert DollarsField(example="500.00", required=False).clean("") is None


@pytest.mark.parametrize(("typed", "read"), [("0", 0), (" 1,000 ", 1000), ("999999999", 999999999)])
def test_minutes_are_whole_numbers(typed, read):
    assert MinutesField().clean(typed) == read


@pytest.mark.parametrize("typed", ["", "1.5", "-1", "1e3", "9999999999", "٥", "ten"])
def test_other_minutes_are_refused(typed):
    with pytest.raises(forms.ValidationError) as refused:
        MinutesField().clean(typed)

    assert refused.value.messages == ["Enter a whole number of minutes, 0 or more"]
