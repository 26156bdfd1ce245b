"""What Stripe's answers mean to us: its errors as ours, its payment intents as we read them."""

import json
import logging
from dataclasses import dataclass
from typing import Any

import stripe

from wallets.stripe import permissions

logger = logging.getLogger(__name__)


class GatewayError(Exception):
    """Stripe did not do what was asked. `code` and `param` are Stripe's, for us and for logs.

    `replayed`: this is the answer to an earlier call, which Stripe repeats under its idempotency
    key for at least a day, whatever has become true since.
    """

    def __init__(
        self, message: str, *, code: str = "", param: str = "", replayed: bool = False
    ) -> None:
        super().__init__(message)
        self.code = code
        self.param = param
        self.replayed = replayed


class Unknown(GatewayError):
    """No definite answer. What was asked may have happened: read the object to know."""


class Unexecuted(Unknown):
    """Stripe says that it did not do it this time (429, 409). The same key later."""


class Declined(GatewayError):
    """The card was refused, or the bank wants its owner. The intent says which."""


class Impossible(GatewayError):
    """Stripe will never do this: a missing card or customer, an amount out of range."""

    @property
    def customer_is_gone(self) -> bool:
        """Whether it fails because the customer was deleted, or never was."""
        return self.code == "resource_missing" and self.param in ("customer", "id")

    @property
    def email_is_refused(self) -> bool:
        return self.code == "email_invalid" or self.param == "email"


class StateChanged(GatewayError):
    """The object is no longer in the state this needs. Read it: somebody else was first."""


class KeyConflict(GatewayError):
    """Our key was used with other parameters. Money is never tried with a new key."""


class Misconfigured(GatewayError):
    """Stripe refuses our key. All charging stops until somebody mends the configuration."""


@dataclass(frozen=True)
class Intent:
    """A payment intent, as far as the state machine reads it."""

    id: str
    status: str
    amount: int
    amount_received: int
    currency: str
    customer: str
    payment_method: str
    error_code: str
    decline_code: str
    advice_code: str
    bank_url: str
    purchase_id: str
    created: int
    metadata: dict[str, str]


@dataclass(frozen=True)
class CardSetup:
    """A hosted page that saves a card, and how far it came."""

    page: str
    setup: str
    error_code: str
    decline_code: str
    saved_type: str
    saved_for: str


def translated(error: stripe.StripeError) -> GatewayError:
    """What Stripe's error means for us (docs/decisions/0002)."""
    code = getattr(error, "code", None) or _code_of(error.json_body)
    message = getattr(error, "user_message", None) or str(error)
    match error:
        case stripe.CardError():
            kind = Declined
        case stripe.IdempotencyError():
            kind = KeyConflict
        case stripe.RateLimitError():
            kind = Unexecuted
        case stripe.AuthenticationError() | stripe.PermissionError():
            kind = Misconfigured
            message = permissions.explained(message)
        case stripe.InvalidRequestError() if error.http_status == 409 or code == "lock_timeout":
            kind = Unexecuted
        case stripe.InvalidRequestError() if code.endswith("unexpected_state"):
            kind = StateChanged
        case stripe.InvalidRequestError():
            kind = Impossible
        case _:
            kind = Unexecuted if error.http_status == 409 else Unknown
    logger.warning(
        "stripe answered %s %s",
        kind.__name__,
        code or error.http_status or "",
        extra={"stripe_request": error.request_id},
    )
    headers = {name.lower(): value for name, value in (error.headers or {}).items()}
    return kind(
        message,
        code=code,
        param=getattr(error, "param", None) or "",
        replayed=headers.get("idempotent-replayed") == "true",
    )


def _code_of(body: Any) -> str:
    """Of 401, 403 and 409 the SDK leaves it in the body."""
    told = body.get("error") if isinstance(body, dict) else None
    code = told.get("code") if isinstance(told, dict) else None
    return code if isinstance(code, str) else ""


def plain(found: Any, *needed: str) -> dict[str, Any]:
    """An object of Stripe's as a dict that has an id and what is needed of it.

    Raises ValueError or AttributeError when it is none: `{}`, `[]`, text, or cut off.
    """
    data = json.loads(str(found))
    missing = [name for name in ("id", *needed) if data.get(name) is None]
    if missing:
        raise ValueError(f"Stripe's answer lacks {', '.join(missing)}.")
    return data


def id_of(value: Any) -> str:
    return (value.get("id") if isinstance(value, dict) else value) or ""


def card_setup_of(found: Any) -> CardSetup:
    """Of a session with its set-up and that one's payment method."""
    session = plain(found, "status")
    setup = session.get("setup_intent") or {}
    error, saved = setup.get("last_setup_error") or {}, setup.get("payment_method") or {}
    return CardSetup(
        page=session["status"],
        setup=setup.get("status") or "",
        error_code=error.get("code") or "",
        decline_code=error.get("decline_code") or "",
        saved_type=saved.get("type") or "",
        saved_for=id_of(saved.get("customer")),
    )


def intent_of(found: Any) -> Intent:
    data = plain(found, "status", "amount", "currency")
    error = data.get("last_payment_error") or {}
    action = (data.get("next_action") or {}).get("redirect_to_url") or {}
    return Intent(
        id=data["id"],
        status=data["status"],
        amount=data["amount"],
        amount_received=data.get("amount_received") or 0,
        currency=data["currency"],
        customer=id_of(data.get("customer")),
        payment_method=id_of(data.get("payment_method")) or id_of(error.get("payment_method")),
        error_code=error.get("code") or "",
        decline_code=error.get("decline_code") or "",
        advice_code=error.get("advice_code") or "",
        bank_url=action.get("url") or "",
        purchase_id=(data.get("metadata") or {}).get("purchase") or "",
        created=data.get("created") or 0,
        metadata=data.get("metadata") or {},
    )
