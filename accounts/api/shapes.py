"""What is sent and answered, as msgspec Structs: each field is described once.

The description decodes and refuses (`read`, `read_query`), and documents (`accounts.api.schema`).
msgspec is strict about types, yet takes several spellings of an id or a moment, and blank texts:
here each has one spelling, and texts are stripped, but for `AS_SENT`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache, partial
from typing import Annotated, Any, Self, TypeVar
from uuid import UUID

import msgspec
from django.db.models import Choices
from django.http import QueryDict
from msgspec import inspect, structs
from rest_framework.exceptions import ValidationError


class Sent(msgspec.Struct, forbid_unknown_fields=True):
    """The base of bodies and queries. What may be left out has a default: a value, or UNSET."""


class Answer(msgspec.Struct):
    """The base of answers."""

    @classmethod
    def of(cls, source: object, **others: object) -> Self:
        """Each field from `others`, or else from the attribute of its name."""
        names = set(cls.__struct_fields__) - set(others)
        return cls(**{name: getattr(source, name) for name in names}, **others)


Url = Annotated[str, msgspec.Meta(extra_json_schema={"format": "uri"})]
AccountId = Annotated[UUID, msgspec.Meta(description="The account's id.")]
# With its offset from UTC.
Moment = Annotated[datetime, msgspec.Meta(tz=True)]

S = TypeVar("S", bound=msgspec.Struct)


# Marks a text that is not stripped: somebody else's id, which names something as it is.
AS_SENT = msgspec.Meta(extra={"strip": False})


class Wrong(ValueError):
    """A value that cannot be used, in a sentence for people; `path` leads to it within a field."""

    def __init__(self, sentence: str, *, path: str = "") -> None:
        super().__init__(sentence)
        self.path = path


def read(shape: type[S], given: object) -> S:
    """A body as `shape` describes it. Raises ValidationError (400) about every field at once."""
    if not isinstance(given, dict):
        got = "null" if given is None else type(given).__name__
        raise ValidationError(f"Invalid data. Expected a dictionary, but got {got}.")
    fields = _fields(shape)
    if unknown := sorted(set(given) - set(fields)):
        raise ValidationError({name[:60]: "Unknown field." for name in unknown})
    values, complaints = {}, {}
    for name, field in fields.items():
        try:
            if name in given:
                values[field.name] = field.value(given[name])
            elif field.required:
                raise Wrong("This field is required.")
        except Wrong as wrong:
            complaints[name + wrong.path] = str(wrong)
    if complaints:
        raise ValidationError(complaints)
    try:
        return shape(**values)
    except Wrong as wrong:
        raise ValidationError(str(wrong)) from None


def read_query(shape: type[S], parameters: QueryDict) -> S:
    """A query as `shape` describes it; only a list may be sent more than once."""
    fields, given = _fields(shape), {}
    for name, values in parameters.lists():
        if name in fields and isinstance(fields[name].kind, inspect.ListType):
            given[name] = values
        elif len(values) > 1:
            raise ValidationError({name[:60]: "Send it once."})
        else:
            given[name] = values[0]
    return read(shape, given)


@dataclass(frozen=True, slots=True)
class _Field:
    # In Python; `from` cannot be the name of an attribute.
    name: str
    required: bool
    kind: inspect.Type
    may_be_null: bool
    is_stripped: bool
    read: Callable[[object], object]

    def value(self, given: object) -> object:
        if given is None:
            if self.may_be_null:
                return None
            raise Wrong("This field may not be null.")
        if isinstance(self.kind, inspect.StrType) and type(given) is str:
            given = given.strip() if self.is_stripped else given
            if "\x00" in given:
                raise Wrong("Null characters are not allowed.")
        return self.read(given)


@cache
def _fields(shape: type[msgspec.Struct]) -> dict[str, _Field]:
    """The fields of a Struct by the names under which they are sent."""
    fields = {}
    for field in structs.fields(shape):
        kind, may_be_null, extra = _bare(inspect.type_info(field.type))
        reader = (
            extra.get("read") or _ONE_SPELLING.get(type(kind)) or partial(convert, to=field.type)
        )
        fields[field.encode_name] = _Field(
            name=field.name,
            required=field.required,
            kind=kind,
            may_be_null=may_be_null,
            is_stripped=extra.get("strip", True),
            read=reader,
        )
    return fields


def _bare(kind: inspect.Type) -> tuple[inspect.Type, bool, dict[str, Any]]:
    """A type without what is said about it, whether it may be null, and our own marks on it."""
    may_be_null, extra = False, {}
    while isinstance(kind, (inspect.Metadata, inspect.UnionType)):
        if isinstance(kind, inspect.Metadata):
            extra |= kind.extra or {}
            kind = kind.type
        else:
            may_be_null = True
            (kind,) = (one for one in kind.types if not isinstance(one, inspect.NoneType))
    return kind, may_be_null, extra


def convert(value: object, to: Any) -> Any:
    """The value as msgspec converts it to a type. Raises Wrong."""
    try:
        return msgspec.convert(value, to)
    except msgspec.ValidationError as error:
        raise _explained(str(error), inspect.type_info(to)) from None


_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
_MOMENT = re.compile(
    r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,6})?(Z|[+-]\d{2}:\d{2})", re.ASCII
)


def read_id(given: object) -> UUID:
    if type(given) is not str or not _ID.fullmatch(given):
        raise Wrong("Send an id such as 3f0c1d7e-5b1a-4a52-9c38-0d9f0c1f7a11.")
    return UUID(given)


def read_moment(given: object) -> datetime:
    """A moment with its offset; one outside the calendar in UTC is none."""
    if type(given) is str and _MOMENT.fullmatch(given):
        try:
            return msgspec.convert(given, Moment).astimezone(UTC)
        except (msgspec.ValidationError, OverflowError):
            pass
    raise Wrong(_SENTENCES[inspect.DateTimeType])


_ONE_SPELLING = {inspect.UUIDType: read_id, inspect.DateTimeType: read_moment}


def dollars(
    *, least: Decimal | None = None, most: Decimal | None = None, decimal_places: int = 2
) -> msgspec.Meta:
    """Marks a Decimal that is sent as a text, such as "12.34": JSON numbers are floats to most."""
    pattern = rf"^(0|[1-9]\d{{0,11}})(\.\d{{1,{decimal_places}}})?$"
    shape = re.compile(pattern.strip("^$"), re.ASCII)

    def read_amount(given: object) -> Decimal:
        if type(given) is not str or not shape.fullmatch(given):
            raise Wrong(
                f'Send dollars as a text with at most {decimal_places} decimals, such as "50.00".'
            )
        amount = Decimal(given)
        if least is not None and amount < least:
            raise Wrong(f"Send at least {least}.")
        if most is not None and amount > most:
            raise Wrong(f"Send at most {most}.")
        return amount

    return msgspec.Meta(
        extra={"read": read_amount},
        extra_json_schema={"as": {"type": "string", "pattern": pattern}},
    )


_SENTENCES: dict[type, str] = {
    inspect.BoolType: "Send true or false, without quotes.",
    inspect.IntType: "Send a whole number, without quotes.",
    inspect.StrType: "Send a text.",
    inspect.DateType: "Send a date such as 2026-11-22.",
    inspect.DateTimeType: "Send a moment with its offset, such as 2026-11-22T09:14:00Z.",
    inspect.ListType: "Send a list.",
}
_BOUND = re.compile(r"Expected `(int|str)` (?:of length )?([<>]=) (\d+)")
_BOUNDS = {
    ("int", ">="): "Ensure this value is greater than or equal to {}.",
    ("int", "<="): "Ensure this value is less than or equal to {}.",
    ("str", ">="): "This field may not be blank.",
    ("str", "<="): "Ensure this field has no more than {} characters.",
}
_OF_AN_OBJECT = re.compile(r"Object (contains unknown|missing required) field `(.+)`", re.DOTALL)
_STEP = re.compile(r"\[(\d+)\]|\.(\w+)")


def _explained(complaint: str, kind: inspect.Type) -> Wrong:
    """What msgspec says, for people: "… - at `$[3].seconds`" leads from a list to a field."""
    text, _, where = complaint.partition(" - at `$")
    kind, path = _bare(kind)[0], ""
    for index, name in _STEP.findall(where):
        path += f".{index or name}"
        inside = kind.item_type if index else _field_of(kind, name)
        kind = _bare(inside)[0]
    if about := _OF_AN_OBJECT.fullmatch(text):
        missing = about[1] == "missing required"
        path += f".{about[2][:60]}"
        return Wrong("This field is required." if missing else "Unknown field.", path=path)
    return Wrong(_sentence(text, kind), path=path)


def _field_of(kind: inspect.StructType, name: str) -> inspect.Type:
    return next(field.type for field in kind.fields if field.encode_name == name)


def _sentence(text: str, kind: inspect.Type) -> str:
    if text.endswith("got `null`"):
        return "This field may not be null."
    if bound := _BOUND.fullmatch(text):
        return _BOUNDS[bound[1], bound[2]].format(bound[3])
    if isinstance(kind, inspect.CustomType) and issubclass(kind.cls, Choices):
        return f"Send one of: {', '.join(kind.cls.values)}."
    if isinstance(kind, inspect.LiteralType):
        return f"Send one of: {', '.join(kind.values)}."
    return _SENTENCES.get(type(kind), text.replace("`", ""))
