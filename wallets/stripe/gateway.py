"""Everything we ask of Stripe.

Never call it with a transaction open: it waits on the network, and a rollback cannot give money
back. Amounts are integer US cents. What would do harm twice carries our own idempotency key.
"""

import json
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from functools import lru_cache, wraps
from typing import Any, NoReturn
from urllib.parse import urlsplit

import stripe
from django.conf import settings
from django.db import connection

from accounts import clock
from accounts.runtime.time_limits import TimeIsUp
from accounts.telling.notifications import alert_staff
from wallets.stripe.answers import (
    CardSetup,
    Intent,
    Misconfigured,
    Unknown,
    card_setup_of,
    id_of,
    intent_of,
    plain,
    translated,
)

# A worker can wait; a person's request answers "Processing" rather than hang.
WORKER_CALL_SECONDS = 20
PERSON_CALL_SECONDS = 5
PERSON_TOTAL_SECONDS = 12

logger = logging.getLogger(__name__)

# What reading raises where Stripe, or somebody in between, sent something else than its object.
UNREADABLE = (AttributeError, LookupError, TypeError, ValueError, RecursionError)

_deadline: ContextVar[float | None] = ContextVar("gateway_deadline", default=None)


class TransactionOpen(RuntimeError):
    """Stripe was about to be called while a database transaction was open."""


@contextmanager
def person_waiting() -> Iterator[None]:
    """Within it calls have a person's patience: 5 s each without a retry, 12 s in all."""
    token = _deadline.set(time.monotonic() + PERSON_TOTAL_SECONDS)
    try:
        yield
    finally:
        _deadline.reset(token)


class SignedAtAnotherTime(ValueError):
    """Stripe did sign it, but `seconds` before (or, below zero, after) our clock's now."""

    def __init__(self, seconds: int) -> None:
        super().__init__("The signature is too old." if seconds > 0 else "It is of the future.")
        self.seconds = seconds


def verify_event(*, payload: bytes, signature: str, tolerance_seconds: int) -> dict[str, Any]:
    """Return the event of a webhook request.

    Raises ValueError unless Stripe signed it; SignedAtAnotherTime when it did, but not lately.
    """
    try:
        stripe.WebhookSignature.verify_header(
            payload.decode(), signature, settings.STRIPE_WEBHOOK_SECRET
        )
        event = json.loads(payload)
    except (stripe.SignatureVerificationError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(str(error)) from error
    age = int(time.time()) - _signed_at(signature)
    if abs(age) > tolerance_seconds:
        raise SignedAtAnotherTime(age)
    return event


def _signed_at(signature: str) -> int:
    """The moment that was signed: the SDK takes the first, and a later one anybody may add."""
    parts = (part.partition("=") for part in signature.split(","))
    return int(next(value for name, _, value in parts if name == "t"))


def _definite(call: Callable) -> Callable:
    """Refuse an open transaction, and turn every answer of Stripe's into a result or our error.

    One that cannot be read says nothing: what was asked may have happened.
    """

    @wraps(call)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        _refuse_open_transaction()
        deadline = _deadline.get()
        if deadline and time.monotonic() > deadline:
            raise Unknown("The person has waited long enough.", code="out_of_patience")
        try:
            return call(*args, **kwargs)
        except stripe.StripeError as error:
            meaning = translated(error)
            if isinstance(meaning, Misconfigured):
                _tell_key_refused(meaning)
            raise meaning from error
        except UNREADABLE as error:
            logger.warning("stripe's answer to %s cannot be read: %s", call.__name__, error)
            raise Unknown("Stripe's answer cannot be read.", code="unreadable") from error

    return guarded


def _tell_key_refused(error: Misconfigured) -> None:
    """Once an hour, whoever asked: nobody but support can mend it."""
    alert_staff(
        kind="stripe_refuses_our_key",
        text=f"Stripe refuses our key: {error}",
        dedupe_key=f"stripe_refuses_our_key:{clock.now():%Y-%m-%dT%H}",
    )


def _refuse_open_transaction() -> None:
    blocks = connection.atomic_blocks
    # Test cases wrap everything in a transaction of their own, as `durable` knows, too.
    if blocks and not blocks[-1]._from_testcase:
        raise TransactionOpen("Stripe must not be called while a transaction is open.")


class _Requests(stripe.RequestsClient):
    """Asks Stripe alone: an answer that leads elsewhere is none, wherever it came from."""

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> Any:
        if getattr(self._thread_local, "session", None) is None:
            self._thread_local.session = self.requests.Session()
            self._thread_local.session.max_redirects = 0
        content, status, headers = super().request(method, url, *args, **kwargs)
        method, path = method.upper(), urlsplit(url).path
        # With Stripe's own name of the request: its dashboard finds it by that. A list, such as
        # /v1/payment_intents, is read page by page to compare the books, which is silent.
        is_list = method == "GET" and path.count("/") == 2
        logger.log(
            logging.DEBUG if is_list else logging.INFO,
            "asked stripe %s %s status=%s",
            method,
            path,
            status,
            extra={"stripe_request": headers.get("Request-Id")},
        )
        return content, status, headers

    def _handle_request_error(self, e: Exception) -> NoReturn:
        # The SDK takes every exception for trouble of the network, and tries again: not this one.
        if isinstance(e, TimeIsUp):
            raise e
        super()._handle_request_error(e)


@lru_cache(maxsize=8)
def client(key: str, base: str, seconds: int, retries: int) -> stripe.StripeClient:
    """Stripe's SDK as every call here has it; `probes` asks with it, too."""
    return stripe.StripeClient(
        key,
        base_addresses={"api": base} if base else {},
        stripe_version=settings.STRIPE_API_VERSION,
        max_network_retries=retries,
        http_client=_Requests(timeout=seconds),
    )


def _stripe() -> Any:
    person = _deadline.get() is not None
    return client(
        settings.STRIPE_SECRET_KEY,
        settings.STRIPE_API_BASE,
        PERSON_CALL_SECONDS if person else WORKER_CALL_SECONDS,
        0 if person else 1,
    ).v1


@_definite
def create_intent(
    *, key: str, amount: int, customer: str, payment_method: str, metadata: dict, description: str
) -> Intent:
    """Create the intent, unconfirmed: no money moves until it is confirmed."""
    params = {
        "amount": amount,
        "currency": "usd",
        "customer": customer,
        "payment_method": payment_method,
        "payment_method_types": ["card"],
        "description": description,
        "metadata": metadata,
    }
    return intent_of(_stripe().payment_intents.create(params, {"idempotency_key": key}))


@_definite
def confirm_intent(*, key: str, intent_id: str) -> None:
    """Take the money without the person. The outcome is read from the intent afterwards."""
    _stripe().payment_intents.confirm(intent_id, {"off_session": True}, {"idempotency_key": key})


@_definite
def confirm_on_session(*, key: str, intent_id: str, payment_method: str, return_url: str) -> Intent:
    """Confirm with the person present: `bank_url` is where the bank asks them."""
    params = {"payment_method": payment_method, "return_url": return_url}
    return intent_of(_stripe().payment_intents.confirm(intent_id, params, {"idempotency_key": key}))


@_definite
def retrieve_intent(*, intent_id: str) -> Intent:
    return intent_of(_stripe().payment_intents.retrieve(intent_id))


@_definite
def cancel_intent(*, intent_id: str) -> None:
    """Make sure that this intent never takes money. Raises StateChanged when it already has.

    Repeating it is safe without a key of ours; under one Stripe would repeat its first answer, a
    500 or that the intent was processing, for a day.
    """
    _stripe().payment_intents.cancel(intent_id)


@_definite
def find_intent(*, customer: str, purchase_id: str, since: datetime) -> Intent | None:
    """The customer's intent that carries this purchase, when we died before storing its id."""
    for intent in intents_since(since=since, customer=customer):
        if intent.purchase_id == purchase_id:
            return intent
    return None


def intents_since(
    *, since: datetime, until: datetime | None = None, customer: str = ""
) -> Iterator[Intent]:
    """Every intent created since then (and before `until`), newest first."""
    params = _created(since, until) | ({"customer": customer} if customer else {})
    yield from _every("payment_intents", params, intent_of)


def _created(since: datetime, until: datetime | None) -> dict[str, Any]:
    created = {"gte": int(since.timestamp())}
    if until:
        created["lt"] = int(until.timestamp()) + 1
    return {"created": created, "limit": 100}


def _every(collection: str, params: dict[str, Any], read: Callable[[Any], Any]) -> Iterator[Any]:
    """Page through a list of Stripe's. Raises Unknown when its pages lead nowhere."""

    @_definite
    def page(starting_after: str) -> tuple[list[Any], str]:
        extra = {"starting_after": starting_after} if starting_after else {}
        found = getattr(_stripe(), collection).list({**params, **extra})
        rows = [read(one) for one in found.data]
        if not (found.has_more and rows):
            return rows, ""
        if found.data[-1].id == starting_after:
            raise ValueError("The same page came again.")
        return rows, found.data[-1].id

    last = ""
    while True:
        rows, last = page(last)
        yield from rows
        if not last:
            return


@_definite
def create_customer(*, key: str, name: str, email: str, metadata: dict) -> str:
    params = {"name": name, "metadata": metadata} | ({"email": email} if email else {})
    return plain(_stripe().customers.create(params, {"idempotency_key": key}))["id"]


@_definite
def start_card_setup(*, customer: str, success_url: str, cancel_url: str) -> str:
    """Open Stripe's hosted page that saves a card, and return its address."""
    session = _stripe().checkout.sessions.create(
        {
            "mode": "setup",
            "currency": "usd",
            "customer": customer,
            "payment_method_types": ["card"],
            "success_url": success_url,
            "cancel_url": cancel_url,
        }
    )
    return plain(session, "url")["url"]


@_definite
def finished_card_setup(*, session_id: str) -> tuple[str, str]:
    """The customer and the card of a finished set-up session; the card is "" while unfinished."""
    session = plain(_stripe().checkout.sessions.retrieve(session_id, {"expand": ["setup_intent"]}))
    setup = session.get("setup_intent")
    if isinstance(setup, str):
        setup = plain(_stripe().setup_intents.retrieve(setup))
    done = session.get("status") == "complete" and setup and setup.get("status") == "succeeded"
    return id_of(session.get("customer")), id_of(setup.get("payment_method")) if done else ""


@_definite
def latest_card_setup(*, customer: str) -> CardSetup | None:
    """The page that was opened last for this customer, whatever became of it."""
    expanded = ["data.setup_intent.payment_method"]
    found = _stripe().checkout.sessions.list({"customer": customer, "limit": 1, "expand": expanded})
    return card_setup_of(found.data[0]) if found.data else None


@_definite
def retrieve_setup_intent(*, setup_intent_id: str) -> dict[str, Any]:
    return plain(_stripe().setup_intents.retrieve(setup_intent_id))


@_definite
def retrieve_customer(*, customer: str) -> dict[str, Any]:
    return plain(_stripe().customers.retrieve(customer))


@_definite
def retrieve_card(*, card_id: str) -> dict[str, Any]:
    return plain(_stripe().payment_methods.retrieve(card_id))


@_definite
def list_cards(*, customer: str) -> list[dict[str, Any]]:
    params = {"customer": customer, "type": "card", "limit": 100}
    return list(_every("payment_methods", params, plain))


@_definite
def detach_card(*, card_id: str) -> None:
    plain(_stripe().payment_methods.detach(card_id))


def _taken_back(found: Any) -> dict[str, Any]:
    """A refund or a dispute."""
    return plain(found, "status", "amount")


@_definite
def create_refund(*, key: str, intent_id: str, amount: int, metadata: dict) -> dict[str, Any]:
    params = {"payment_intent": intent_id, "amount": amount, "metadata": metadata}
    return _taken_back(_stripe().refunds.create(params, {"idempotency_key": key}))


@_definite
def retrieve_refund(*, refund_id: str) -> dict[str, Any]:
    return _taken_back(_stripe().refunds.retrieve(refund_id))


@_definite
def list_refunds(*, intent_id: str) -> list[dict[str, Any]]:
    return list(_every("refunds", {"payment_intent": intent_id}, _taken_back))


@_definite
def retrieve_dispute(*, dispute_id: str) -> dict[str, Any]:
    return _taken_back(_stripe().disputes.retrieve(dispute_id))


def refunds_since(*, since: datetime, until: datetime | None = None) -> Iterator[dict[str, Any]]:
    yield from _every("refunds", _created(since, until), _taken_back)


def customers_since(*, since: datetime, until: datetime | None = None) -> Iterator[dict[str, Any]]:
    yield from _every("customers", _created(since, until), plain)


def disputes_since(*, since: datetime, until: datetime | None = None) -> Iterator[dict[str, Any]]:
    yield from _every("disputes", _created(since, until), _taken_back)
