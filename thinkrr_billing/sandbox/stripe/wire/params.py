"""Reads Stripe's form encoding (`a[b][0]=c`) and checks it against what a route accepts."""

import re
from collections.abc import Mapping
from urllib.parse import parse_qsl

from thinkrr_billing.sandbox.stripe.wire.errors import ApiError

MAX_FIELDS = 2_000  # Far above what any real request has.
MAX_DEPTH = 8
MAX_METADATA_KEYS = 50
MAX_METADATA_KEY = 40
MAX_METADATA_VALUE = 500
_INTEGER = re.compile(r"-?[0-9]{1,18}")
_PART = re.compile(r"\[([^\[\]]*)\]")
_SECRET_FIELDS = ("number", "cvc")
# Stripe is stricter than we are: it wants plain letters and a domain with a point.
_EMAIL = re.compile(r"[!-?A-~]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}")
MAX_EMAIL = 512

# A spec maps a name to one of the words below, a tuple of allowed words, or a nested spec.
#   str email int bool time range metadata list any
Spec = Mapping[str, object]
LISTING: Spec = {
    "limit": "int",
    "starting_after": "str",
    "ending_before": "str",
    "expand": "list",
}


def parse_form(text: str) -> dict:
    """Return nested dictionaries and lists. Raises a 400 for what cannot be read."""
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="strict")
    except (ValueError, UnicodeDecodeError) as error:
        raise ApiError(f"Invalid request: the parameters cannot be read ({error}).") from None
    tree: dict = {}
    for name, value in pairs:
        _insert(tree, name, value)
    return {name: _listed(value) for name, value in tree.items()}


def _insert(tree: dict, name: str, value: str) -> None:
    head, bracket, _ = name.partition("[")
    parts = [head, *_PART.findall(name)] if bracket else [head]
    if len(parts) > MAX_DEPTH:
        raise ApiError(f"Invalid request: '{name[:60]}' is nested too deeply.")
    if not head:
        raise ApiError("Invalid request: a parameter has no name.")
    node = tree
    for part in parts[:-1]:
        node = node.setdefault(part if part else str(len(node)), {})
        if not isinstance(node, dict):
            raise ApiError(f"Invalid request: '{name[:60]}' is both a value and a hash.")
    node[parts[-1] if parts[-1] else str(len(node))] = value


def _listed(node: object) -> object:
    """Turn {'0': a, '1': b} into [a, b], all the way down."""
    if not isinstance(node, dict):
        return node
    items = {key: _listed(value) for key, value in node.items()}
    if items and all(key.isdigit() for key in items):
        return [items[key] for key in sorted(items, key=int)]
    return items


def check(params: dict, spec: Spec, *, prefix: str = "") -> dict:
    """Return the parameters with their types. Raises the 400 Stripe would."""
    checked = {}
    for name, value in params.items():
        full = f"{prefix}[{name}]" if prefix else name
        if name not in spec:
            raise ApiError(
                f"Received unknown parameter: {full}", code="parameter_unknown", param=full
            )
        checked[name] = _typed(value, spec[name], full)
    return checked


def require(params: dict, *names: str) -> None:
    for name in names:
        if params.get(name) in (None, ""):
            raise ApiError(f"Missing required param: {name}.", code="parameter_missing", param=name)


def _typed(value: object, kind: object, name: str) -> object:
    if isinstance(kind, Mapping):
        if value == "":
            return None
        if not isinstance(value, dict):
            raise ApiError(f"Invalid object: {name} must be a hash.", param=name)
        return check(value, kind, prefix=name)
    if isinstance(kind, tuple):
        return _word(value, kind, name)
    return _READERS[kind](value, name)


def _word(value: object, allowed: tuple, name: str) -> str | None:
    if value == "" and "" in allowed:
        return None
    if value not in allowed:
        raise ApiError(
            f"Invalid {name}: must be one of {', '.join(filter(None, allowed))}", param=name
        )
    return value


def _text(value: object, name: str) -> str:
    if not isinstance(value, str):
        raise ApiError(f"Invalid string: {name} must be a string.", param=name)
    return value


def _email(value: object, name: str) -> str:
    text = _text(value, name)
    if text and (len(text) > MAX_EMAIL or not _EMAIL.fullmatch(text)):
        raise ApiError(f"Invalid email address: {text[:80]}", code="email_invalid", param=name)
    return text


def _integer(value: object, name: str) -> int:
    if not isinstance(value, str) or not _INTEGER.fullmatch(value):
        raise ApiError(f"Invalid integer: {value}", code="parameter_invalid_integer", param=name)
    return int(value)


def _boolean(value: object, name: str) -> bool:
    if value not in ("true", "false"):
        raise ApiError(f"Invalid boolean: {value}", param=name)
    return value == "true"


def _list(value: object, name: str) -> list:
    if value == "":
        return []
    if not isinstance(value, list):
        raise ApiError(f"Invalid array: {name} must be a list.", param=name)
    return value


def _range(value: object, name: str) -> dict:
    if isinstance(value, str):
        moment = _integer(value, name)
        return {"gte": moment, "lte": moment}
    return check(value, dict.fromkeys(("gt", "gte", "lt", "lte"), "int"), prefix=name)


def _metadata(value: object, name: str) -> dict:
    """Empty values stand for "remove this key"; an empty string for "remove all"."""
    if value == "":
        return {"": ""}
    items = value if isinstance(value, dict) else None
    if isinstance(value, list):  # metadata[0]=a: numeric keys are keys here.
        items = {str(index): item for index, item in enumerate(value)}
    if items is None or not all(isinstance(item, str) for item in items.values()):
        raise ApiError(f"Invalid metadata: {name} must be a hash of strings.", param=name)
    if len(items) > MAX_METADATA_KEYS:
        raise ApiError(f"You can only have {MAX_METADATA_KEYS} metadata keys.", param=name)
    for key, item in items.items():
        if len(key) > MAX_METADATA_KEY or len(item) > MAX_METADATA_VALUE:
            raise ApiError(
                f"Metadata keys have at most {MAX_METADATA_KEY} characters and values at most "
                f"{MAX_METADATA_VALUE}: '{key[:50]}'.",
                param=f"{name}[{key[:50]}]",
            )
    return items


def merge_metadata(old: dict, new: dict | None) -> dict:
    if new is None:
        return old
    if new == {"": ""}:
        return {}
    return {key: value for key, value in {**old, **new}.items() if value != ""}


def without_numbers(params: dict) -> dict:
    """Return the parameters fit for the log: no card numbers, not even of test cards."""
    if not isinstance(params.get("card"), dict):
        return params
    card = {
        name: "…" if name in _SECRET_FIELDS else value for name, value in params["card"].items()
    }
    return {**params, "card": card}


_READERS = {
    "str": _text,
    "email": _email,
    "int": _integer,
    "time": _integer,
    "bool": _boolean,
    "list": _list,
    "range": _range,
    "metadata": _metadata,
    "any": lambda value, name: value,  # noqa: ARG005
}
