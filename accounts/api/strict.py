"""JSON taken at its word: what is ambiguous, oversized or of the wrong type is refused.

DRF's own fields accept "1_000", "١", true and 26-digit numbers as integers, keep the last of two
equal keys and ignore unknown ones. None of that may decide about money."""

import json
import math
import re
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from django.utils.dateparse import parse_datetime
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers, status
from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import BaseParser

# Every body but a batch of calls is a few hundred bytes; a view may raise it.
MAX_BODY_BYTES = 256 * 1024
# Our deepest body (a list of calls) has three levels.
MAX_DEPTH = 10
MAX_INTEGER = 2_147_483_647  # PostgreSQL's integer.


class TooLarge(APIException):
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_code = "too_large"


class StrictJSONParser(BaseParser):
    """A view may set `max_body_bytes`."""

    media_type = "application/json"

    def parse(self, stream, media_type=None, parser_context=None) -> object:
        view = (parser_context or {}).get("view")
        limit = getattr(view, "max_body_bytes", MAX_BODY_BYTES)
        body = stream.read(limit + 1)
        if len(body) > limit:
            raise TooLarge(f"The body is larger than {limit // 1024} KB. Send less at once.")
        return parse_json(body)


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
    _check(parsed, depth=1)
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
    return int(text)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ParseError("The body has a number too large to use.")
    return number


def _check(value: object, *, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise ParseError("The body is nested too deeply.")
    if isinstance(value, str):
        _check_text(value)
    elif isinstance(value, dict):
        for key, item in value.items():
            _check_text(key)
            _check(item, depth=depth + 1)
    elif isinstance(value, list):
        for item in value:
            _check(item, depth=depth + 1)


def _check_text(text: str) -> None:
    if "\x00" in text:
        raise ParseError("The body has a NUL character in a text.")
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise ParseError("The body has half of a surrogate pair in a text.")


class StrictSerializer(serializers.Serializer):
    """A serializer that refuses fields it does not know."""

    def to_internal_value(self, data: object) -> dict:
        if isinstance(data, Mapping):
            unknown = sorted(set(data) - {f.field_name for f in self._writable_fields})
            if unknown:
                raise serializers.ValidationError(
                    {str(k)[:60]: ["Unknown field."] for k in unknown}
                )
        return super().to_internal_value(data)


class StrictIntegerField(serializers.IntegerField):
    """A JSON integer within bounds; neither a text, nor 1.0, nor true."""

    def __init__(self, *, min_value: int = 0, max_value: int = MAX_INTEGER, **kwargs) -> None:
        super().__init__(min_value=min_value, max_value=max_value, **kwargs)

    def to_internal_value(self, data: object) -> int:
        if type(data) is not int:
            raise serializers.ValidationError("Send a whole number, without quotes.")
        return data


class StrictCharField(serializers.CharField):
    def __init__(self, *, max_length: int = 255, **kwargs) -> None:
        super().__init__(max_length=max_length, **kwargs)

    def to_internal_value(self, data: object) -> str:
        if type(data) is not str:
            raise serializers.ValidationError("Send a text.")
        return super().to_internal_value(data)


class StrictBooleanField(serializers.BooleanField):
    def to_internal_value(self, data: object) -> bool:
        if type(data) is not bool:
            raise serializers.ValidationError("Send true or false, without quotes.")
        return data


class StrictChoiceField(serializers.ChoiceField):
    def to_internal_value(self, data: object) -> str:
        if type(data) is not str or data not in self.choices:
            raise serializers.ValidationError(f"Send one of: {', '.join(self.choices)}.")
        return data


class StrictUUIDField(serializers.UUIDField):
    _SHAPE = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)

    def to_internal_value(self, data: object) -> UUID:
        if type(data) is not str or not self._SHAPE.fullmatch(data):
            raise serializers.ValidationError(
                "Send an id such as 3f0c1d7e-5b1a-4a52-9c38-0d9f0c1f7a11."
            )
        return UUID(data)


class StrictDateField(serializers.DateField):
    _SHAPE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)

    def to_internal_value(self, data: object) -> date:
        if type(data) is str and self._SHAPE.fullmatch(data):
            try:
                return date.fromisoformat(data)
            except ValueError:
                pass
        raise serializers.ValidationError("Send a date such as 2026-11-22.")


class StrictMomentField(serializers.DateTimeField):
    """A moment with its offset from UTC."""

    _SHAPE = re.compile(
        r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,6})?(Z|[+-]\d{2}:\d{2})", re.ASCII
    )

    def to_internal_value(self, data: object) -> datetime:
        if type(data) is str and self._SHAPE.fullmatch(data):
            try:
                return self.enforce_timezone(parse_datetime(data))
            except (ValueError, OverflowError):
                pass
        raise serializers.ValidationError(
            "Send a moment with its offset, such as 2026-11-22T09:14:00Z."
        )


@extend_schema_field({"type": "string", "pattern": r"^(0|[1-9]\d{0,11})(\.\d{1,6})?$"})
class AmountField(serializers.Field):
    """Dollars as a text, such as "12.34": JSON numbers are floats to most programs."""

    def __init__(
        self,
        *,
        min_value: Decimal | None = None,
        max_value: Decimal | None = None,
        decimal_places: int = 2,
        **kwargs,
    ) -> None:
        self.min_value, self.max_value, self.decimal_places = min_value, max_value, decimal_places
        self._shape = re.compile(rf"(0|[1-9]\d{{0,11}})(\.\d{{1,{decimal_places}}})?", re.ASCII)
        super().__init__(**kwargs)

    def to_internal_value(self, data: object) -> Decimal:
        if type(data) is not str or not self._shape.fullmatch(data):
            raise serializers.ValidationError(
                f"Send dollars as a text with at most {self.decimal_places} decimals, "
                'such as "50.00".'
            )
        amount = Decimal(data)
        if self.min_value is not None and amount < self.min_value:
            raise serializers.ValidationError(f"Send at least {self.min_value}.")
        if self.max_value is not None and amount > self.max_value:
            raise serializers.ValidationError(f"Send at most {self.max_value}.")
        return amount

    def to_representation(self, value: object) -> str:
        amount = getattr(value, "amount", value)
        return f"{amount:.{self.decimal_places}f}"
