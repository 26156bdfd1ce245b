"""Errors, events and whole HTTP answers against the official types and lists of words."""

import json
import typing
from collections.abc import Iterator
from pathlib import Path

import stripe

from thinkrr_billing.sandbox.stripe.tests.official import checking, presence
from thinkrr_billing.sandbox.stripe.tests.official.definitions import HELD, fields, routes
from thinkrr_billing.sandbox.stripe.wire.messages import Answer

VERSION = stripe.api_version


def literals(kind: object) -> set[str]:
    """The words a type allows, also where it leaves room for those of later versions."""
    if typing.get_origin(kind) is typing.Literal:
        return set(typing.get_args(kind))
    return {word for inner in typing.get_args(kind) for word in literals(inner)}


_LAST_ERROR = fields(stripe.PaymentIntent.LastPaymentError)
CODES = literals(_LAST_ERROR["code"])
ERROR_TYPES = literals(_LAST_ERROR["type"])
ADVICE_CODES = literals(fields(stripe.Charge.Outcome)["advice_code"])
# No type has these: docs.stripe.com/declines/codes lists them.
DECLINE_CODES = frozenset(Path(__file__).with_name("decline_codes.txt").read_text().split())
# What tests script where they mean a code that no list has yet.
LATER = "a_brand_new_code"
# docs.stripe.com/api/errors; a type's or a code's own status. Other errors have one of the rest.
_STATUS_OF_CODE = {"rate_limit": 429, "lock_timeout": 429, "idempotency_key_in_use": 409}
_STATUS_OF_TYPE = {"card_error": {402}, "idempotency_error": {400, 409}, "api_error": {500}}
_REST = {400, 401, 403, 404, 429}


def error(body: object, *, status: int) -> Iterator[str]:
    """What is wrong with an error's body."""
    told = body.get("error") if isinstance(body, dict) else None
    if not isinstance(told, dict) or body.keys() != {"error"}:
        yield f"error: {body!r} is no error of Stripe's"
        return
    known = fields(stripe.ErrorObject)
    for name, value in told.items():
        if name not in known:
            yield f"error.{name}: no such field"
        elif value is None:
            yield f"error.{name}: null, where Stripe leaves the field away"
        else:
            yield from checking.differences(value, known[name], at=f"error.{name}")
    for name in ("message", "type", "request_log_url"):
        if name not in told:
            yield f"error.{name}: missing"
    yield from codes(told)
    wanted = _STATUS_OF_TYPE.get(told.get("type"), _REST)
    wanted = {_STATUS_OF_CODE[told["code"]]} if told.get("code") in _STATUS_OF_CODE else wanted
    if status not in wanted:
        yield f"error: {told.get('type')} {told.get('code', '')} with status {status}"


def codes(told: dict) -> Iterator[str]:
    """Words of an error that are on no official list; also of those kept in an intent."""
    lists = {
        "type": ERROR_TYPES,
        "code": CODES,
        "decline_code": DECLINE_CODES,
        "advice_code": ADVICE_CODES,
    }
    for name, words in lists.items():
        if told.get(name) is not None and told[name] not in words | {LATER}:
            yield f"error.{name}: {told[name]!r} is on no official list"
    if "code" in told and told.get("doc_url") != _doc_url(told["code"]):
        yield f"error.doc_url: {told.get('doc_url')!r} is not that of {told['code']}"


def _doc_url(code: str) -> str:
    return f"https://docs.stripe.com/error-codes/{code.replace('_', '-')}"


def _kept_errors(value: object) -> Iterator[str]:
    """The errors that intents keep, wherever they stand in an answer."""
    if isinstance(value, list):
        for item in value:
            yield from _kept_errors(item)
    if isinstance(value, dict):
        for name, item in value.items():
            if name in ("last_payment_error", "last_setup_error") and isinstance(item, dict):
                yield from codes(item)
            yield from _kept_errors(item)


def event(body: dict) -> Iterator[str]:
    """What is wrong with an event, and with the object and the old values it carries."""
    yield from checking.differences(body, stripe.Event, at="event")
    held = presence.event_objects().get(body.get("type", ""))
    data = body.get("data") or {}
    obj = data.get("object") or {}
    if held is None or obj.get("object") != held:
        yield f"event {body.get('type')}: {obj.get('object')!r} is not its object"
        return
    if body.get("api_version") != VERSION:
        yield f"event.api_version: {body.get('api_version')!r}"
    yield from checking.differences(obj, HELD[held], at=f"event {body['type']}.data.object")
    yield from _kept_errors(obj)
    old = data.get("previous_attributes")
    if old is not None:
        yield from checking.partly(old, HELD[held], at=f"event {body['type']}.previous_attributes")
        for name in old:
            if old[name] == obj.get(name):
                yield f"event {body['type']}.previous_attributes.{name}: has not changed"


def answer(given: Answer, *, method: str, route: str) -> list[str]:
    """What is wrong with an HTTP answer of the API; `route` is "" for one it does not know."""
    found = [*_headers(given)]
    try:
        body = json.loads(given.body)
    except ValueError:
        return [*found, f"{given.body[:60]!r} is no JSON"]
    if given.status != 200:
        found += error(body, status=given.status)
        # An answer repeated under its key tells of the request that was executed.
        id = given.headers.get("Original-Request") or given.headers.get("Request-Id", "no id")
        if id not in str(body):
            found.append("error.request_log_url: of another request")
    else:
        found += _of_route(body, method=method, route=route)
        found += _kept_errors(body)
    return [f"{method} {route or '(unknown)'} {given.status}: {one}" for one in found]


def _headers(given: Answer) -> Iterator[str]:
    for name in ("Request-Id", "Stripe-Version"):
        if not given.headers.get(name):
            yield f"header {name}: missing"
    if given.headers.get("Stripe-Should-Retry", "true") not in ("true", "false"):
        yield f"header Stripe-Should-Retry: {given.headers['Stripe-Should-Retry']!r}"


def _of_route(body: object, *, method: str, route: str) -> Iterator[str]:
    if (method, route) not in routes():
        yield "the SDK knows no such route"
        return
    official = routes()[method, route].answer
    if not isinstance(body, dict):
        yield f"{body!r} is no object"
        return
    yield from checking.of_object(body)
    single = official.removeprefix("ListObject[").removesuffix("]")
    parts = [body] if single == official else body.get("data", [None])
    if single != official and body.get("object") != "list":
        yield f"{body.get('object')!r} is no list"
    for part in parts:
        name = (part or {}).get("object")
        if name not in HELD or HELD[name].__name__ != single:
            yield f"{name!r} is no {single}"
        if name == "event":
            yield from event(part)
