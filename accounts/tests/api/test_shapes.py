"""Hostile values (reliability F87), refused by what a Struct says of its fields."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
import pytest
from django.db.models import TextChoices
from django.http import QueryDict
from msgspec import UNSET, Meta, UnsetType
from rest_framework.exceptions import ValidationError

from accounts.api.shapes import Answer, Moment, Sent, Wrong, dollars, read, read_query

COUNT = Annotated[int, Meta(ge=0, le=2**31 - 1)]
TEXT = Annotated[str, Meta(min_length=1, max_length=255)]
AMOUNT = Annotated[Decimal, dollars()]


class Colour(TextChoices):
    RED = "red", "Red like a rose"
    BLUE = "blue"


def read_as(kind: Any, value: object) -> Any:
    """What becomes of a value in a body's only field, which is of this kind."""
    shape = msgspec.defstruct("One", [("value", kind)], bases=(Sent,))
    return read(shape, {"value": value}).value


NOT_INTEGERS = [
    True,
    False,
    None,
    1.0,
    1.5,
    -0.0,
    100.0,
    "1",
    "1_000",
    "1.000",
    "１２",
    "٣",
    " 5 ",
    "1e2",
    [],
    {},
    10**26,
    2**31,
    -1,
]


@pytest.mark.parametrize("value", NOT_INTEGERS)
def test_an_integer_is_a_json_integer_within_bounds(value):
    with pytest.raises(ValidationError):
        read_as(COUNT, value)


@pytest.mark.parametrize("value", [0, 1, 2**31 - 1])
def test_the_bounds_themselves_are_integers(value):
    assert read_as(COUNT, value) == value


@pytest.mark.parametrize(
    "value",
    [50, 50.0, True, None, "", "-5", "+5", "5.", ".5", "05.00", "5.001", "1e2", "1_000", "1,000"]
    + ["$5", " 5", "5 ", "5\n", "NaN", "Infinity", "-0", "٣", "１２"]
    + ["1E+99999999999", "9" * 13, []],
)
def test_an_amount_is_a_plain_text_of_dollars_and_cents(value):
    with pytest.raises(ValidationError):
        read_as(AMOUNT, value)


@pytest.mark.parametrize(
    ("text", "amount"), [("0", "0"), ("5", "5"), ("5.1", "5.1"), ("999999999999.99",) * 2]
)
def test_an_amount_becomes_an_exact_decimal(text, amount):
    assert read_as(AMOUNT, text) == Decimal(amount)


def test_an_amount_has_its_own_bounds_and_decimals():
    amount = Annotated[
        Decimal, dollars(least=Decimal("0.000001"), most=Decimal(2), decimal_places=6)
    ]

    assert read_as(amount, "0.000001") == Decimal("0.000001")
    for outside in ["0", "2.000001", "0.0000001"]:
        with pytest.raises(ValidationError):
            read_as(amount, outside)


@pytest.mark.parametrize("value", [1, True, None, [], {}, "", "x" * 256, "a\x00b"])
def test_a_text_is_a_json_text(value):
    with pytest.raises(ValidationError):
        read_as(TEXT, value)


@pytest.mark.parametrize("value", [0, 1, "true", "True", "yes", None, []])
def test_a_boolean_is_true_or_false(value):
    with pytest.raises(ValidationError):
        read_as(bool, value)


@pytest.mark.parametrize("value", ["gold", "Premium", 1, None, [], {}])
def test_a_choice_is_one_of_the_texts(value):
    with pytest.raises(ValidationError):
        read_as(Literal["premium", "basic"], value)
    with pytest.raises(ValidationError):
        read_as(Colour, value)


@pytest.mark.parametrize(
    "value",
    [7, None, "7", "{3f0c1d7e-5b1a-4a52-9c38-0d9f0c1f7a11}", "3f0c1d7e5b1a4a529c380d9f0c1f7a11"],
)
def test_an_id_is_a_uuid_in_its_usual_form(value):
    with pytest.raises(ValidationError):
        read_as(UUID, value)


def test_an_id_is_read():
    text = "3f0c1d7e-5b1a-4a52-9c38-0d9f0c1f7a11"

    assert read_as(UUID, text) == UUID(text)


@pytest.mark.parametrize("value", ["20261122", "2026-W47-7", "2026-02-30", "٢٠٢٦-01-01", 0, None])
def test_a_date_is_written_in_full(value):
    with pytest.raises(ValidationError):
        read_as(date, value)


@pytest.mark.parametrize(
    "value",
    [
        "2026-11-22T09:14:00",
        "2026-11-22 09:14:00Z",
        "2026-11-22",
        "2026-11-22T25:00:00Z",
        "2026-11-22T09:14:00+25:00",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-12:00",
        1763800440,
        None,
    ],
)
def test_a_moment_has_an_offset_and_exists(value):
    with pytest.raises(ValidationError):
        read_as(Moment, value)


def test_dates_and_moments_are_read():
    moment = read_as(Moment, "2026-11-22T09:14:00-05:00")

    assert read_as(date, "2026-11-22") == date(2026, 11, 22)
    assert moment == datetime(2026, 11, 22, 14, 14, tzinfo=UTC)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (COUNT, True),
        (COUNT, 1.0),
        (AMOUNT, "NaN"),
        (UUID, "3f0c1d7e5b1a4a529c380d9f0c1f7a11"),
        (Moment, "2026-11-22 09:14:00Z"),
        (date, "20261122"),
    ],
)
def test_what_may_be_null_is_as_strict_about_everything_else(kind, value):
    assert read_as(kind | None, None) is None
    with pytest.raises(ValidationError):
        read_as(kind | None, value)


def test_a_moment_has_one_spelling_and_no_digit_too_many():
    moment = "2026-11-22T09:14:00.123456Z"

    assert read_as(Moment, moment) == datetime(2026, 11, 22, 9, 14, 0, 123456, tzinfo=UTC)
    for other in ["2026-11-22T09:14:00.1234567Z", "2026-11-22t09:14:00z", "2026-11-22T09:14Z"]:
        with pytest.raises(ValidationError):
            read_as(Moment, other)


def test_texts_are_stripped_and_choices_are_not():
    assert read_as(TEXT, "  a b ") == "a b"
    assert read_as(TEXT, " " + "x" * 255 + " ") == "x" * 255
    for blank in ["", " ", "\u3000"]:
        with pytest.raises(ValidationError):
            read_as(TEXT, blank)
    with pytest.raises(ValidationError):
        read_as(Colour, " red ")


class Pot(Sent):
    seconds: Annotated[int, Meta(ge=0, le=86_400)]
    note: str | UnsetType = UNSET


class Report(Sent):
    pots: list[Pot]


@pytest.mark.parametrize(
    ("data", "errors"),
    [
        ({"seconds": 1, "balance": 5}, {"balance": "Unknown field."}),
        ({"seconds": 86_401}, {"seconds": "Ensure this value is less than or equal to 86400."}),
        ({"seconds": -1}, {"seconds": "Ensure this value is greater than or equal to 0."}),
        ({}, {"seconds": "This field is required."}),
        ({"seconds": None}, {"seconds": "This field may not be null."}),
        ({"seconds": 1, "note": None}, {"note": "This field may not be null."}),
        (
            {"seconds": "1", "note": 1},
            {
                "seconds": "Send a whole number, without quotes.",
                "note": "Send a text.",
            },
        ),
        ([], ["Invalid data. Expected a dictionary, but got list."]),
        (None, ["Invalid data. Expected a dictionary, but got null."]),
    ],
)
def test_a_shape_refuses_what_it_does_not_know_and_names_every_field(data, errors):
    with pytest.raises(ValidationError) as refused:
        read(Pot, data)

    assert refused.value.detail == errors


@pytest.mark.parametrize(
    ("pot", "errors"),
    [
        ({"seconds": 1, "x": 1}, {"pots.1.x": "Unknown field."}),
        ({}, {"pots.1.seconds": "This field is required."}),
        ({"seconds": 1.5}, {"pots.1.seconds": "Send a whole number, without quotes."}),
        ({"seconds": None}, {"pots.1.seconds": "This field may not be null."}),
        (
            {"seconds": 86_401},
            {"pots.1.seconds": "Ensure this value is less than or equal to 86400."},
        ),
        (7, {"pots.1": "Expected object, got int"}),
    ],
)
def test_a_shape_refuses_as_much_inside_lists(pot, errors):
    with pytest.raises(ValidationError) as refused:
        read(Report, {"pots": [{"seconds": 1}, pot]})

    assert refused.value.detail == errors


def test_what_was_left_out_is_told_apart_from_every_value():
    assert read(Pot, {"seconds": 1}).note is UNSET
    assert read(Pot, {"seconds": 1, "note": ""}).note == ""


class Told(Answer):
    seconds: int
    note: str


def test_an_answer_takes_what_it_is_not_given_from_its_source():
    assert Told.of(Pot(seconds=5), note="") == Told(seconds=5, note="")
    with pytest.raises(AttributeError):
        Told.of(object(), note="")


class Either(Sent):
    left: int | UnsetType = UNSET
    right: int | UnsetType = UNSET

    def __post_init__(self) -> None:
        if (self.left is UNSET) == (self.right is UNSET):
            raise Wrong("Send left or right.")


def test_fields_that_do_not_go_together_are_refused_in_a_sentence():
    assert read(Either, {"left": 1}).left == 1
    for data in [{}, {"left": 1, "right": 1}]:
        with pytest.raises(ValidationError) as refused:
            read(Either, data)
        assert refused.value.detail == ["Send left or right."]


class Query(Sent):
    colours: list[Colour] | UnsetType = UNSET
    since: Moment | UnsetType = msgspec.field(name="from", default=UNSET)
    name: str | UnsetType = UNSET


def test_only_a_list_may_be_sent_twice_in_a_query():
    query = read_query(Query, QueryDict("colours=red&colours=blue&from=2026-11-22T09:14:00Z"))

    assert query.colours == ["red", "blue"]
    assert query.since == datetime(2026, 11, 22, 9, 14, tzinfo=UTC)


@pytest.mark.parametrize(
    ("query", "errors"),
    [
        ("x=1", {"x": "Unknown field."}),
        ("since=2026-11-22T09:14:00Z", {"since": "Unknown field."}),
        ("name=a&name=a", {"name": "Send it once."}),
        ("name=%00", {"name": "Null characters are not allowed."}),
        ("colours=red&colours=green", {"colours.1": "Send one of: red, blue."}),
        (
            "from=null",
            {"from": "Send a moment with its offset, such as 2026-11-22T09:14:00Z."},
        ),
    ],
)
def test_a_query_is_refused_by_the_names_it_was_sent_under(query, errors):
    with pytest.raises(ValidationError) as refused:
        read_query(Query, QueryDict(query))

    assert refused.value.detail == errors
