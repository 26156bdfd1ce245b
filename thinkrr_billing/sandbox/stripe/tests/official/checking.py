"""Compares one JSON value with the official type it should have, and tells every difference."""

import typing
from collections.abc import Iterator
from decimal import Decimal

from stripe._list_object import ListObject
from stripe._stripe_object import StripeObject, UntypedStripeObject

from thinkrr_billing.sandbox.stripe.tests.official import presence
from thinkrr_billing.sandbox.stripe.tests.official.definitions import (
    HELD,
    fields,
    optional,
    path_of,
)

# What each type is on the wire.
_PLAIN = {str: str, int: int, float: int | float, bool: bool, Decimal: str}


def differences(value: object, kind: object, *, at: str = "") -> list[str]:
    """Every way in which the value is not of this type, with the path where; [] when it is."""
    return list(_compare(value, kind, at))


def of_object(value: dict, *, at: str = "") -> list[str]:
    """The same for an object that says itself what it is: a customer, a list of refunds."""
    name = value.get("object")
    if name == "list":
        return differences(value, ListObject[StripeObject], at=at)
    if name not in HELD:
        return [f"{at}.object: {name!r} is nothing the sandbox holds"]
    return differences(value, HELD[name], at=at or name)


def partly(value: object, kind: object, *, at: str) -> Iterator[str]:
    """The same where fields may be left away, as the old values of an event leave them."""
    inner = next((one for one in (kind, *typing.get_args(kind)) if _is_object(one)), None)
    if inner is None or not isinstance(value, dict):
        yield from _compare(value, kind, at)
        return
    for name, item in value.items():
        if name not in fields(inner):
            yield f"{at}.{name}: no such field"
        elif item is not None:
            yield from partly(item, fields(inner)[name], at=f"{at}.{name}")


def _compare(value: object, kind: object, at: str) -> Iterator[str]:
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if kind is typing.Any:
        return
    if origin is typing.Union:
        yield from _union(value, [one for one in inner if one is not type(None)], at)
    elif origin is typing.Literal:
        if not any(one == value and type(one) is type(value) for one in inner):
            yield f"{at}: {value!r} is not one of the official values"
    elif origin is ListObject:
        yield from _list_object(value, inner[0], at)
    elif origin in (list, dict):
        yield from _items(value, origin, inner[-1], at)
    elif origin is UntypedStripeObject or kind is UntypedStripeObject:
        yield from _items(value, dict, inner[0] if inner else typing.Any, at)
    elif kind in _PLAIN:
        wrong = isinstance(value, bool) and kind is not bool
        if wrong or not isinstance(value, _PLAIN[kind]):
            yield f"{at}: {value!r} is no {kind.__name__}"
    else:
        yield from _object(value, kind, at)


def _union(value: object, kinds: list, at: str) -> Iterator[str]:
    """An id or the object; one of several objects; words, open for those of later versions."""
    closed = [one for one in kinds if typing.get_origin(one) is typing.Literal]
    if closed and isinstance(value, str):
        kinds = closed  # What a later version may add, the pinned one does not say.
    tried = [list(_compare(value, one, at)) for one in _fitting(value, kinds)]
    yield from min(tried, key=len, default=[f"{at}: {value!r} is of no official type"])


def _fitting(value: object, kinds: list) -> list:
    if not isinstance(value, dict):
        return [one for one in kinds if not _is_object(one)]
    named = [
        one
        for one in kinds
        if _is_object(one) and getattr(one, "OBJECT_NAME", None) == value.get("object")
    ]
    return named or [one for one in kinds if one not in _PLAIN]


def _is_object(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, StripeObject)


def _items(value: object, container: type, inner: object, at: str) -> Iterator[str]:
    if not isinstance(value, container):
        yield f"{at}: {value!r} is no {container.__name__}"
        return
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for name, item in pairs:
        yield from _compare(item, inner, f"{at}[{name}]")


def _list_object(value: object, inner: object, at: str) -> Iterator[str]:
    if not isinstance(value, dict) or value.get("object") != "list":
        yield f"{at}: {value!r} is no list of Stripe's"
        return
    found = {name: kind for name, kind in fields(ListObject).items() if name != "data"}
    rest = {name: item for name, item in value.items() if name not in ("object", "data")}
    yield from _fields(rest, found, {}, at)
    for number, item in enumerate(value.get("data", ["missing"])):
        told = f"{at}.data[{number}]"
        if inner is StripeObject and isinstance(item, dict):
            yield from of_object(item, at=f"{told} {item.get('object')}")
        else:
            yield from _compare(item, inner, told)


def _object(value: object, kind: type, at: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{at}: {value!r} is no {path_of(kind)}"
    elif value.get("deleted") is True:
        if value.keys() != {"id", "object", "deleted"}:
            yield f"{at}: a deleted object has only id, object and deleted"
        yield from _compare(value.get("object"), typing.Literal[kind.OBJECT_NAME], f"{at}.object")
    else:
        yield from _fields(value, fields(kind), presence.table().get(path_of(kind), {}), at)


def _fields(value: dict, known: dict, words: dict[str, str], at: str) -> Iterator[str]:
    for name in value.keys() - known.keys():
        yield f"{at}.{name}: no such field"
    for name, kind in known.items():
        word = words.get(name, presence.NEITHER) if optional(kind) else presence.REQUIRED
        if name not in value:
            if word in (presence.REQUIRED, presence.ALWAYS):
                yield f"{at}.{name}: missing"
        elif value[name] is None:
            if word in (presence.REQUIRED, presence.NEVER_NULL):
                yield f"{at}.{name}: null"
        else:
            yield from _compare(value[name], kind, f"{at}.{name}")
