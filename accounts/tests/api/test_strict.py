"""Hostile values (F87 of docs/faults.md): each is refused with 400, never stored, never a 500."""

import io
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import pytest
from rest_framework.exceptions import ErrorDetail, ParseError, ValidationError

from accounts.api import strict

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
        strict.StrictIntegerField().run_validation(value)


@pytest.mark.parametrize("value", [0, 1, 2**31 - 1])
def test_the_bounds_themselves_are_integers(value):
    assert strict.StrictIntegerField().run_validation(value) == value


@pytest.mark.parametrize(
    "value",
    [50, 50.0, True, None, "", "-5", "+5", "5.", ".5", "05.00", "5.001", "1e2", "1_000", "1,000"]
    + ["$5", " 5", "5 ", "5\n", "NaN", "Infinity", "-0", "٣", "１２"]
    + ["1E+99999999999", "9" * 13, []],
)
def test_an_amount_is_a_plain_text_of_dollars_and_cents(value):
    with pytest.raises(ValidationError):
        strict.AmountField().run_validation(value)


@pytest.mark.parametrize(
    ("text", "amount"), [("0", "0"), ("5", "5"), ("5.1", "5.1"), ("999999999999.99",) * 2]
)
def test_an_amount_becomes_an_exact_decimal(text, amount):
    assert strict.AmountField().run_validation(text) == Decimal(amount)


def test_an_amount_has_its_own_bounds_and_decimals():
    field = strict.AmountField(
        min_value=Decimal("0.000001"), max_value=Decimal("2"), decimal_places=6
    )

    assert field.run_validation("0.000001") == Decimal("0.000001")
    assert field.to_representation(Decimal("1.5")) == "1.500000"
    for outside in ["0", "2.000001", "0.0000001"]:
        with pytest.raises(ValidationError):
            field.run_validation(outside)


@pytest.mark.parametrize("value", [1, True, None, [], {}, "", "x" * 256, "a\x00b"])
def test_a_text_is_a_json_text(value):
    with pytest.raises(ValidationError):
        strict.StrictCharField().run_validation(value)


@pytest.mark.parametrize("value", [0, 1, "true", "True", "yes", None, []])
def test_a_boolean_is_true_or_false(value):
    with pytest.raises(ValidationError):
        strict.StrictBooleanField().run_validation(value)


@pytest.mark.parametrize("value", ["gold", "Premium", 1, None, [], {}])
def test_a_choice_is_one_of_the_texts(value):
    with pytest.raises(ValidationError):
        strict.StrictChoiceField(choices=["premium", "basic"]).run_validation(value)


@pytest.mark.parametrize(
    "value",
    [7, None, "7", "{3f0c1d7e-5b1a-4a52-9c38-0d9f0c1f7a11}", "3f0c1d7e5b1a4a529c380d9f0c1f7a11"],
)
def test_an_id_is_a_uuid_in_its_usual_form(value):
    with pytest.raises(ValidationError):
        strict.StrictUUIDField().run_validation(value)


def test_an_id_is_read():
    text = "3f0c1d7e-5b1a-4a52-9c38-0d9f0c1f7a11"

    assert strict.StrictUUIDField().run_validation(text) == UUID(text)


@pytest.mark.parametrize("value", ["20261122", "2026-W47-7", "2026-02-30", "٢٠٢٦-01-01", 0, None])
def test_a_date_is_written_in_full(value):
    with pytest.raises(ValidationError):
        strict.StrictDateField().run_validation(value)


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
        strict.StrictMomentField().run_validation(value)


def test_dates_and_moments_are_read():
    moment = strict.StrictMomentField().run_validation("2026-11-22T09:14:00-05:00")

    assert strict.StrictDateField().run_validation("2026-11-22") == date(2026, 11, 22)
    assert moment == datetime(2026, 11, 22, 14, 14, tzinfo=UTC)


@pytest.mark.parametrize(
    ("sentence", "body"),
    [
        ("not valid JSON", b""),
        ("not valid JSON", b"{"),
        ("not valid JSON", b'{"a": 01}'),
        ("not valid JSON", b'{"a": 1e}'),
        ("not valid JSON", b"\xef\xbb\xbf{}"),
        ("not valid JSON", b'{"a": ' + b"9" * 5000 + b"}"),
        ("NaN is not a number in JSON", b'{"a": NaN}'),
        ("Infinity is not a number in JSON", b'{"a": Infinity}'),
        ("-Infinity is not a number in JSON", b'{"a": -Infinity}'),
        ("too large to use", b'{"a": 1e309}'),
        ("same key twice", b'{"a": 1, "a": 2}'),
        ("same key twice", b'{"b": [{"a": 1, "a": 1}]}'),
        ("same key twice", b'{"a": 1, "\\u0061": 2}'),
        ("not UTF-8", b'{"a": "\xff"}'),
        ("not UTF-8", '{"a": 1}'.encode("utf-16")),
        ("NUL character", b'{"a": "x\\u0000"}'),
        ("NUL character", b'{"\\u0000": 1}'),
        ("surrogate pair", b'{"a": "\\ud800"}'),
        ("surrogate pair", b'{"\\udfff": 1}'),
        ("nested too deeply", b"[" * 11 + b"]" * 11),
        ("nested too deeply", b"[" * 100_000),
    ],
)
def test_a_body_that_can_be_read_in_two_ways_is_refused(sentence, body):
    with pytest.raises(ParseError, match=sentence):
        strict.parse_json(body)


DEEPEST = json.loads("[" * 10 + "]" * 10)


@pytest.mark.parametrize("value", [{}, [], None, 1, "é😀", {"a": [{"b": 1.5}]}, DEEPEST])
def test_everything_else_is_read_as_it_is(value):
    body = json.dumps(value, ensure_ascii=False).encode()

    assert strict.parse_json(body) == value


def test_a_body_may_be_as_large_as_the_view_allows_and_not_a_byte_larger():
    class View:
        max_body_bytes = 8 * 1024

    def parse(size: int) -> object:
        body = b'"' + b"x" * (size - 2) + b'"'
        return strict.StrictJSONParser().parse(io.BytesIO(body), "", {"view": View()})

    assert len(parse(8 * 1024)) == 8 * 1024 - 2
    with pytest.raises(strict.TooLarge, match="larger than 8 KB"):
        parse(8 * 1024 + 1)


class Pot(strict.StrictSerializer):
    seconds = strict.StrictIntegerField(max_value=86_400)
    note = strict.StrictCharField(required=False)


class Report(strict.StrictSerializer):
    pots = Pot(many=True)


@pytest.mark.parametrize(
    ("data", "errors"),
    [
        ({"seconds": 1, "balance": 5}, {"balance": ["Unknown field."]}),
        ({"seconds": 86_401}, {"seconds": ["Ensure this value is less than or equal to 86400."]}),
        ({}, {"seconds": ["This field is required."]}),
        ([], {"non_field_errors": ["Invalid data. Expected a dictionary, but got list."]}),
    ],
)
def test_a_serializer_refuses_what_it_does_not_know(data, errors):
    serializer = Pot(data=data)

    assert not serializer.is_valid()
    assert serializer.errors == errors


def test_a_serializer_refuses_unknown_fields_inside_lists_too():
    serializer = Report(data={"pots": [{"seconds": 1}, {"seconds": 1, "x": 1}]})

    assert not serializer.is_valid()
    assert serializer.errors["pots"][1] == {"x": [ErrorDetail("Unknown field.", "invalid")]}
