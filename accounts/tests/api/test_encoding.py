"""How answers are written: Structs by msgspec, byte for byte as REST framework would."""

import uuid
from datetime import UTC, date, datetime
from decimal import Decimal

import msgspec
import pytest

from accounts.api.encoding import AnswerRenderer

EVERY_CHARACTER = "".join(map(chr, [*range(0xD800), *range(0xE000, 0x10FFFF, 97)]))


class Told(msgspec.Struct):
    value: object
    left_out: object = msgspec.UNSET


@pytest.mark.parametrize(
    "value",
    [
        EVERY_CHARACTER,
        "first\u2028second\u2029third",
        [None, True, 0, -5, 2**60],
        Decimal("12.340000"),
        uuid.UUID(int=5),
        date(2026, 11, 28),
        datetime(2026, 11, 28, 9, 30, 0, 5, tzinfo=UTC),
        {"a": [Told(1), {"b": Told([])}]},
    ],
)
def test_a_struct_is_written_as_what_it_holds_would_be(value):
    short, long = AnswerRenderer().render(Told(value)), AnswerRenderer().render([Told(value)])

    assert short == long[1:-1]


def test_it_is_indented_for_whoever_asks_for_that():
    asked = "application/json; indent=2"

    assert AnswerRenderer().render(Told(1), asked) == b'{\n  "value": 1\n}'
