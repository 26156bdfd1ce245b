"""Stripe's test cards, what each of them does, and payment methods made from them."""

import hashlib
import time
from dataclasses import dataclass

from thinkrr_billing.sandbox.stripe.state.context import Context
from thinkrr_billing.sandbox.stripe.wire.errors import ApiError


@dataclass(frozen=True)
class TestCard:
    """`saving` and `charging` are a decline code, or empty when it works.

    `authentication`: never, until_set_up, always, or on_session (fine off-session).
    `disputed`: the reason why its owner takes every payment back. `refunds`: how they begin.
    """

    number: str
    brand: str
    label: str
    saving: str = ""
    charging: str = ""
    authentication: str = "never"
    funding: str = "credit"
    country: str = "US"
    disputed: str = ""
    refunds: str = "succeeded"


def _declining(number: str, code: str, label: str) -> TestCard:
    return TestCard(number, "visa", label, saving=code, charging=code)


_CARDS = [
    TestCard("4242424242424242", "visa", "Visa: succeeds"),
    TestCard("5555555555554444", "mastercard", "Mastercard: succeeds"),
    TestCard("378282246310005", "amex", "American Express: succeeds"),
    TestCard("4000056655665556", "visa", "Visa debit: succeeds", funding="debit"),
    TestCard("5200828282828210", "mastercard", "Mastercard debit: succeeds", funding="debit"),
    TestCard("5105105105105100", "mastercard", "Mastercard prepaid: succeeds", funding="prepaid"),
    TestCard("371449635398431", "amex", "American Express, another: succeeds"),
    TestCard("6011111111111117", "discover", "Discover: succeeds"),
    TestCard("3056930009020004", "diners", "Diners Club: succeeds"),
    TestCard("3566002020360505", "jcb", "JCB: succeeds", country="JP"),
    TestCard(
        "4000000000000341",
        "visa",
        "Saves, then every charge is declined",
        charging="generic_decline",
    ),
    TestCard(
        "4000002500003155",
        "visa",
        "3-D Secure to save, then charges work",
        authentication="until_set_up",
        country="IE",
    ),
    TestCard(
        "4000002760003184", "visa", "3-D Secure every time", authentication="always", country="DE"
    ),
    TestCard(
        "4000003800000446",
        "visa",
        "Already set up: 3-D Secure only when present",
        authentication="on_session",
        country="DE",
    ),
    TestCard(
        "4000008260003178",
        "visa",
        "3-D Secure every time, then insufficient funds",
        charging="insufficient_funds",
        authentication="always",
        country="GB",
    ),
    TestCard("4000000000003220", "visa", "3-D Secure 2 every time", authentication="always"),
    _declining("4000000000000002", "generic_decline", "Declined"),
    _declining("4000000000009995", "insufficient_funds", "Declined: insufficient funds"),
    _declining("4000000000009987", "lost_card", "Declined: lost card"),
    _declining("4000000000009979", "stolen_card", "Declined: stolen card"),
    _declining("4000000000000069", "expired_card", "Declined: expired card"),
    _declining("4000000000000127", "incorrect_cvc", "Declined: wrong CVC"),
    _declining("4000000000000119", "processing_error", "Declined: processing error"),
    _declining("4000000000006975", "card_velocity_exceeded", "Declined: used too often"),
    _declining("4100000000000019", "fraudulent", "Declined: blocked as fraudulent"),
    TestCard("4000000000000259", "visa", "Pays, then is disputed", disputed="fraudulent"),
    TestCard(
        "4000000000002685",
        "visa",
        "Pays, then is disputed: not received",
        disputed="product_not_received",
    ),
    TestCard("4000000000007726", "visa", "Pays; refunds are slow", refunds="pending"),
]
BY_NUMBER = {card.number: card for card in _CARDS}

# Words Stripe's documentation offers instead of numbers: `pm_card_visa`, `tok_visa` ...
_NAMES = {
    "visa": "4242424242424242",
    "visa_debit": "4000056655665556",
    "mastercard": "5555555555554444",
    "mastercard_debit": "5200828282828210",
    "mastercard_prepaid": "5105105105105100",
    "amex": "378282246310005",
    "discover": "6011111111111117",
    "diners": "3056930009020004",
    "jcb": "3566002020360505",
    "chargeCustomerFail": "4000000000000341",
    "chargeDeclined": "4000000000000002",
    "chargeDeclinedInsufficientFunds": "4000000000009995",
    "visa_chargeDeclined": "4000000000000002",
    "visa_chargeDeclinedInsufficientFunds": "4000000000009995",
    "visa_chargeDeclinedLostCard": "4000000000009987",
    "chargeDeclinedLostCard": "4000000000009987",
    "visa_chargeDeclinedStolenCard": "4000000000009979",
    "chargeDeclinedStolenCard": "4000000000009979",
    "chargeDeclinedExpiredCard": "4000000000000069",
    "chargeDeclinedIncorrectCvc": "4000000000000127",
    "chargeDeclinedProcessingError": "4000000000000119",
    "chargeDeclinedFraudulent": "4100000000000019",
    "radarBlock": "4100000000000019",
    "visa_chargeDeclinedVelocityLimitExceeded": "4000000000006975",
    "createDispute": "4000000000000259",
    "createDisputeProductNotReceived": "4000000000002685",
    "pendingRefund": "4000000000007726",
    "authenticationRequired": "4000002760003184",
    "authenticationRequiredOnSetup": "4000002500003155",
    "authenticationRequiredSetupForOffSession": "4000003800000446",
    "authenticationRequiredChargeDeclinedInsufficientFunds": "4000008260003178",
    "threeDSecure2Required": "4000000000003220",
    "threeDSecureRequired": "4000000000003220",
}

# Codes that are an error code of their own; every other decline is `card_declined`.
_OWN_CODES = {
    "expired_card",
    "incorrect_cvc",
    "processing_error",
    "incorrect_number",
    "authentication_required",
}
_WITH_DECLINE_CODE = ("card_declined", "authentication_required")
_MESSAGES = {
    "expired_card": "Your card has expired.",
    "incorrect_cvc": "Your card's security code is incorrect.",
    "processing_error": "An error occurred while processing your card. Try again in a little bit.",
    "incorrect_number": "Your card number is incorrect.",
    "insufficient_funds": "Your card has insufficient funds.",
    "authentication_required": "Your card was declined. This transaction requires authentication.",
    "card_not_supported": "Your card does not support this type of purchase.",
}


def named(name: str) -> TestCard | None:
    """Return the card behind `pm_card_visa` or `tok_visa`."""
    for prefix in ("pm_card_", "tok_"):
        if name.startswith(prefix) and name.removeprefix(prefix) in _NAMES:
            return BY_NUMBER[_NAMES[name.removeprefix(prefix)]]
    return None


def numbered(number: str) -> TestCard:
    """Return the test card with this number. Anything else is refused and never stored."""
    digits = "".join(number.split()).replace("-", "")
    if digits not in BY_NUMBER:
        raise ApiError(
            "Your card was declined. This is a sandbox: only Stripe's test card numbers work "
            "here. Never enter a real card.",
            status=402,
            kind="card_error",
            code="card_declined",
            extra={"decline_code": "test_mode_live_card"},
        )
    return BY_NUMBER[digits]


def payment_method(
    ctx: Context,
    card: TestCard,
    *,
    exp_month: int = 12,
    exp_year: int | None = None,
    billing_details: dict | None = None,
    metadata: dict | None = None,
) -> dict:
    """Build, but do not store, a payment method for this card."""
    year = exp_year or _year(ctx) + 3
    return ctx.stamp("pm", "payment_method") | {
        "allow_redisplay": "unspecified",
        "billing_details": {
            "address": dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state")),
            "email": None,
            "name": None,
            "phone": None,
            "tax_id": None,
        }
        | (billing_details or {}),
        "card": _card(card, exp_month=exp_month, exp_year=year),
        "customer": None,
        "customer_account": None,
        "metadata": metadata or {},
        "type": "card",
        "_sandbox": {"number": card.number, "set_up": False, "detached": False, "behaviour": None},
    }


def _card(card: TestCard, *, exp_month: int, exp_year: int) -> dict:
    return {
        "brand": card.brand,
        "checks": {
            "address_line1_check": None,
            "address_postal_code_check": None,
            "cvc_check": "pass",
        },
        "country": card.country,
        "display_brand": {"diners": "diners_club", "amex": "american_express"}.get(
            card.brand, card.brand
        ),
        "exp_month": exp_month,
        "exp_year": exp_year,
        "fingerprint": hashlib.sha256(card.number.encode()).hexdigest()[:16],
        "funding": card.funding,
        "generated_from": None,
        "last4": card.number[-4:],
        "networks": {"available": [card.brand], "preferred": None},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": True},
        "wallet": None,
    }


def _year(ctx: Context) -> int:
    return time.gmtime(ctx.clock.now()).tm_year


def decline_error(
    decline_code: str, *, code: str | None = None, advice_code: str | None = None
) -> dict:
    """Return the error fields of a decline, as they stand in an intent and in a 402."""
    own = code or (decline_code if decline_code in _OWN_CODES else "card_declined")
    error = {
        "code": own,
        "doc_url": f"https://docs.stripe.com/error-codes/{own.replace('_', '-')}",
        "message": _MESSAGES.get(decline_code, "Your card was declined."),
        "type": "card_error",
    }
    if decline_code and (own in _WITH_DECLINE_CODE or own != decline_code):
        error["decline_code"] = decline_code
    if advice_code:
        error["advice_code"] = advice_code
    return error


def checked_behaviour(behaviour: object) -> object:
    """Return what a card shall do from now on, or raise a 400 that lists the choices.

    None: what its number says. "ok", "processing", "authentication_required", or a decline
    such as {"decline_code": "insufficient_funds"}, with an "advice_code" if it has one.
    """
    if behaviour in (None, "ok", "processing", "authentication_required"):
        return behaviour
    if isinstance(behaviour, dict) and isinstance(behaviour.get("decline_code"), str):
        return behaviour
    raise ApiError(
        f'behaviour={behaviour!r}: use null, "ok", "processing", "authentication_required" or '
        '{"decline_code": "..."}.'
    )
