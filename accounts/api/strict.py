"""JSON taken at its word: what can be read in two ways, or is oversized, is refused.

Parsers, msgspec's too, keep the last of two equal keys. That may not decide about money. What the
fields of a body may be is said by its shape (`accounts.api.shapes`)."""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rest_framework import status
from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import BaseParser

# Every body but a batch of calls is a few hundred bytes; a view may raise it.
MAX_BODY_BYTES = 256 * 1024
# Our deepest body (a list of calls) has three levels.
MAX_DEPTH = 10
_CONTAINERS = (dict, list)
_TOO_LARGE = "The body has a number too large to use."


class TooLarge(APIException):
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_code = "too_large"


@dataclass(frozen=True)
class Unreadable:
    """What stands where an item could not be taken at its word, and why, in a sentence."""

    sentence: str
    # Of the item, as it was sent.
    id: object = None


class StrictJSONParser(BaseParser):
    """A view may set `max_body_bytes`, and `items`: the name of its list whose items are taken one
    by one, so that what cannot be read is Unreadable in its place and the others are as sent."""

    media_type = "application/json"

    def parse(self, stream, media_type=None, parser_context=None) -> object:  # noqa: ARG002
        view = (parser_context or {}).get("view")
        limit = getattr(view, "max_body_bytes", MAX_BODY_BYTES)
        body = stream.read(limit + 1)
        if len(body) > limit:
            raise TooLarge(f"The body is larger than {limit // 1024} KB. Send less at once.")
        items = getattr(view, "items", None)
        return parse_items(body, items) if items else parse_json(body)


def parse_items(body: bytes, name: str) -> object:
    """`parse_json` of an object with a list of this name, each of whose items stands for itself."""
    try:
        return parse_json(body)
    except ParseError as error:
        return _in_parts(body, name, error)


def _in_parts(body: bytes, name: str, whole: ParseError) -> dict[str, object]:
    """Read once more, with complaints where their values would be. Raises `whole` for a body that
    cannot be told from its items."""
    try:
        parsed = json.loads(
            body.decode("utf-8"),
            object_pairs_hook=_told(_object),
            parse_constant=_refuse_constant,
            parse_float=_told(_finite),
            parse_int=_told(_integer),
        )
    except (RecursionError, ValueError):
        raise whole from None
    items = parsed.get(name) if isinstance(parsed, dict) else None
    if not isinstance(items, list):
        raise whole
    for key, value in parsed.items():
        if _complaint(key) or (key != name and _complaint(value)):
            raise whole
    return parsed | {name: [_read_or_told(item) for item in items]}


def _told(read: Callable[[Any], object]) -> Callable[[Any], object]:
    """The same reader, whose complaint stands where its value would."""

    def read_or_tell(given: object) -> object:
        try:
            return read(given)
        except ParseError as error:
            return Unreadable(str(error.detail), _id_among(given))

    return read_or_tell


def _id_among(given: object) -> object:
    return dict(given).get("id") if isinstance(given, list) else None


def _read_or_told(item: object) -> object:
    if isinstance(item, Unreadable):
        return item
    if sentence := _complaint(item):
        return Unreadable(sentence, item.get("id") if isinstance(item, dict) else None)
    return item


def _complaint(value: object, *, depth: int = 1) -> str:
    """The first sentence about anything in a value, or none."""
    if isinstance(value, Unreadable):
        return value.sentence
    try:
        if isinstance(value, str):
            _check_text(value)
        elif depth == 1:
            _check_depth(value)
    except ParseError as error:
        return str(error.detail)
    inside = [*value, *value.values()] if isinstance(value, dict) else value
    if not isinstance(inside, list):
        return ""
    return next(filter(None, (_complaint(one, depth=depth + 1) for one in inside)), "")


def parse_json(body: bytes) -> object:
    """Parse a request body, or raise a `ParseError` (400) that says what is wrong with it."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise ParseError("The body is not UTF-8.") from None
    try:
        parsed = json.loads(
            text,
            object_pairs_hook=_object,
            parse_constant=_refuse_constant,
            parse_float=_finite,
            parse_int=_integer,
        )
    except RecursionError:
        raise ParseError("The body is nested too deeply.") from None
    except ValueError:
        raise ParseError("The body is not valid JSON.") from None
    _check_depth(parsed)
    # Nothing but an escape brings what no text may hold: as they are, both decoders refuse them.
    if "\\u" in text:
        _check_texts(parsed)
    return parsed


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ParseError("The body has the same key twice in one object.")
    return result


def _refuse_constant(name: str) -> None:
    raise ParseError(f"{name} is not a number in JSON.")


def _integer(text: str) -> int:
    if text == "-0":
        raise ParseError("-0 is not a number we understand.")
    try:
        return int(text)
    except ValueError:
        # More digits than Python reads.
        raise ParseError(_TOO_LARGE) from None


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ParseError(_TOO_LARGE)
    return number


def _check_depth(value: object) -> None:
    """Level by level: a call of ours for each value would cost more than reading the body."""
    level = [value] if isinstance(value, _CONTAINERS) else []
    for _ in range(MAX_DEPTH - 1):
        level = [
            inside
            for one in level
            for inside in (one.values() if isinstance(one, dict) else one)
            if isinstance(inside, _CONTAINERS)
        ]
    if any(level):
        raise ParseError("The body is nested too deeply.")


def _check_texts(value: object) -> None:
    if isinstance(value, str):
        _check_text(value)
    elif isinstance(value, dict):
        for key, item in value.items():
            _check_text(key)
            _check_texts(item)
    elif isinstance(value, list):
        for item in value:
            _check_texts(item)


def _check_text(text: str) -> None:
    if "\x00" in text:
        raise ParseError("The body has a NUL character in a text.")
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise ParseError("The body has half of a surrogate pair in a text.")
