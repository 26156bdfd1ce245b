"""Hostile bodies (F87 of docs/faults.md): each is refused with 400, never stored, never a 500."""

import io
import json

import pytest
from rest_framework.exceptions import ParseError

from accounts.api import strict


@pytest.mark.parametrize(
    ("sentence", "body"),
    [
        ("not valid JSON", b""),
        ("not valid JSON", b"{"),
        ("not valid JSON", b'{"a": 01}'),
        ("not valid JSON", b'{"a": 1e}'),
        ("not valid JSON", b"\xef\xbb\xbf{}"),
        ("NaN is not a number in JSON", b'{"a": NaN}'),
        ("Infinity is not a number in JSON", b'{"a": Infinity}'),
        ("-Infinity is not a number in JSON", b'{"a": -Infinity}'),
        ("too large to use", b'{"a": 1e309}'),
        ("too large to use", b'{"a": ' + b"9" * 5000 + b"}"),
        ("same key twice", b'{"a": 1, "a": 2}'),
        ("same key twice", b'{"b": [{"a": 1, "a": 1}]}'),
        ("same key twice", b'{"a": 1, "\\u0061": 2}'),
        ("not UTF-8", b'{"a": "\xff"}'),
        ("not UTF-8", '{"a": 1}'.encode("utf-16")),
        ("NUL character", b'{"a": "x\\u0000"}'),
        ("NUL character", b'{"\\u0000": 1}'),
        ("surrogate pair", b'{"a": "\\ud800"}'),
        ("surrogate pair", b'{"\\udfff": 1}'),
        # As they are, without an escape.
        ("not valid JSON", b'{"a": "x\x00"}'),
        ("not UTF-8", b'{"a": "\xed\xa0\x80"}'),
        ("nested too deeply", b"[" * 11 + b"]" * 11),
        ("nested too deeply", b"[" * 10 + b"1" + b"]" * 10),
        ("nested too deeply", b'{"a":' * 10 + b"1" + b"}" * 10),
        ("nested too deeply", b"[" * 100_000),
    ],
)
def test_a_body_that_can_be_read_in_two_ways_is_refused(sentence, body):
    with pytest.raises(ParseError, match=sentence):
        strict.parse_json(body)


DEEPEST = json.loads("[" * 10 + "]" * 10)


@pytest.mark.parametrize(
    "value", [{}, [], None, 1, "é😀", "a\\u0000", {"a": [{"b": 1.5}]}, DEEPEST]
)
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
