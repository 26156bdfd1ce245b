from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import pytest

from accounts.runtime import statements
from accounts.runtime.columns import column, lines

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, -2, 10**12], "bigint"),
        ([Decimal("0.000001"), Decimal("-999999999.5")], "numeric"),
        ([UUID(int=7), UUID(int=2**127)], "uuid"),
        ([datetime(2026, 11, 28, 12, 30, 1, 250, tzinfo=UTC)], "timestamptz"),
        (["premium_then_basic", "credit"], "text"),
        ([], "bigint"),
    ],
)
def test_a_column_is_read_back_as_it_was(values, kind):
    rows = statements.rows(f"SELECT * FROM unnest(%s::{kind}[])", [column(values)])

    assert [value for (value,) in rows] == values


def test_null_and_the_empty_word_have_their_own_way_of_being_written():
    rows = statements.rows("SELECT * FROM unnest(%s::text[])", [column(["NULL", '""', "a"])])

    assert rows == [(None,), ("",), ("a",)]


def test_texts_of_others_are_told_apart_whatever_they_hold():
    texts = ["{a,b}", 'say "no"', "back\\slash", "NULL", "%s", "émoji 🎈", "'; DROP TABLE x"]

    rows = statements.rows(
        "SELECT * FROM unnest(string_to_array(%s::text, chr(10)))", [lines(texts)]
    )

    assert [text for (text,) in rows] == texts
