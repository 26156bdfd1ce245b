"""Makes an answer comparable: every field with its kind, and its value unless it is an id, a
moment, an address, or words that are another's to choose."""

import json
import re
from collections.abc import Iterator
from typing import Any

from thinkrr_billing.sandbox.stripe_check.recording import PREFIXES, Exchange

# A place in an answer: the kind of object it is in, and the names down to it.
Place = tuple[str, ...]

_ID = re.compile(
    rf"\b({PREFIXES})_(?:test_|live_)?(?=[A-Za-z0-9]*[0-9A-Z])[A-Za-z0-9]{{8,}}"
    r"(?:_secret_[A-Za-z0-9]+)?"
)
# What each account, bank or day says in its own way: only the kind is compared.
LOOSE = frozenset(
    [
        "authorization_code",
        "available_on",
        "calculated_statement_descriptor",
        "doc_url",
        "due_by",
        "exp_month",
        "exp_year",
        "fee",
        "fingerprint",
        "idempotency_key",
        "invoice_prefix",
        "message",
        "net",
        "network_reason_code",
        "network_transaction_id",
        "pending_webhooks",
        "receipt_number",
        "request_log_url",
        "risk_score",
        "seller_message",
    ]
)
# Who answers may differ by nature; that it says so may not.
HEADERS_BY_VALUE = ("idempotent-replayed", "stripe-should-retry", "stripe-version")
HEADERS_BY_PRESENCE = ("request-id", "original-request", "idempotency-key")
# A moment after September 2001, in seconds.
_FIRST_MOMENT = 1_000_000_000
_MOST_TEXT = 60
# Deeper than any answer of Stripe's: a hostile one ends here.
_MOST_DEPTH = 12


def of(exchange: Exchange) -> dict[Place, str]:
    """Return the facts of an answer by their places, outermost first."""
    if exchange.trouble or not exchange.status:
        return {("answer",): exchange.trouble or "none in time"}
    body = _json(exchange.content)
    kind = _kind(body)
    facts: dict[Place, str] = {("answer",): kind, ("status",): str(exchange.status)}
    for name in HEADERS_BY_VALUE:
        facts[("header", name)] = _cut(exchange.headers.get(name, "absent"))
    for name in HEADERS_BY_PRESENCE:
        facts[("header", name)] = "present" if exchange.headers.get(name) else "absent"
    if isinstance(body, dict):
        facts |= dict(_fields(body.get("error", body), (kind,), depth=0))
    return facts


def _json(content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return content or None


def _kind(body: Any) -> str:
    match body:
        case None:
            return "empty"
        case {"error": dict()}:
            return "error"
        case {"object": str() as name}:
            return _cut(name)
        case dict():
            return "an object without a kind"
        case bytes():
            return "no JSON"
        case _:
            return f"JSON, but {type(body).__name__}"


def _fields(value: dict, place: Place, *, depth: int) -> Iterator[tuple[Place, str]]:
    for name, one in value.items():
        here = (*place, _cut(str(name)))
        yield here, _token(name, one)
        yield from _below(one, here, depth=depth + 1)


def _below(value: Any, place: Place, *, depth: int) -> Iterator[tuple[Place, str]]:
    if depth > _MOST_DEPTH:
        return
    if isinstance(value, dict):
        yield from _fields(value, place, depth=depth)
    if isinstance(value, list):
        for number, one in enumerate(value):
            here = (*place, f"[{number}]")
            yield here, _token("", one)
            yield from _below(one, here, depth=depth + 1)


def _token(name: str, value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case int() | float():
            return _number(name, value)
        case str():
            return _text(name, value)
        case list():
            return f"list of {len(value)}"
        case _:
            return "object"


def _number(name: str, value: float) -> str:
    if name in LOOSE:
        return "a number"
    moment = name == "created" or name.endswith(("_at", "_on", "_by"))
    return "a moment" if moment and value > _FIRST_MOMENT else str(value)


def _text(name: str, value: str) -> str:
    if not value:
        return "empty text"
    if name.endswith("secret"):
        return "a secret"
    if name in LOOSE:
        return "some text"
    if value.startswith(("http://", "https://")):
        return "an address"
    return repr(_cut(_ID.sub(r"{\1 id}", value)))


def _cut(text: str) -> str:
    """Printable, and short enough for a table."""
    shown = "".join(letter if letter.isprintable() else "?" for letter in text)
    return shown if len(shown) <= _MOST_TEXT else f"{shown[: _MOST_TEXT - 1]}…"
