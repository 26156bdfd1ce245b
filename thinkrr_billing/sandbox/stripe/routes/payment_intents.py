"""Payment intents: create, confirm, update, cancel, read."""

from .. import attempts, methods
from ..context import Context
from ..errors import ApiError
from ..events import changed, emit
from ..params import LISTING, merge_metadata, require
from ..rendering import public
from ..router import page, route

MIN_AMOUNT, MAX_AMOUNT = 50, 99_999_999  # Stripe's limits for USD, in cents.
OPEN = ("requires_payment_method", "requires_confirmation", "requires_action")
_AUTOMATIC = {"enabled": "bool", "allow_redirects": ("always", "never")}
_TEXTS = ("description", "receipt_email", "statement_descriptor", "statement_descriptor_suffix")
_EDITABLE = {
    **dict.fromkeys(_TEXTS, "str"), "amount": "int", "currency": "str", "customer": "str",
    "metadata": "metadata", "payment_method": "str", "payment_method_types": "list",
    "setup_future_usage": ("", "on_session", "off_session"), "payment_method_options": "any",
    "capture_method": ("automatic", "automatic_async"), "shipping": "any",
    "transfer_group": "str",
}  # fmt: skip
_CONFIRMING = {
    "off_session": "str", "return_url": "str", "error_on_requires_action": "bool",
    "mandate_data": "any", "use_stripe_sdk": "bool",
}  # fmt: skip
_CREATE = {
    **_EDITABLE, **_CONFIRMING, "confirm": "bool", "automatic_payment_methods": _AUTOMATIC,
    "confirmation_method": ("automatic", "manual"),
}  # fmt: skip
_CONFIRM = {
    **_CONFIRMING, "payment_method": "str", "receipt_email": "str", "payment_method_types": "list",
    "setup_future_usage": ("", "on_session", "off_session"), "payment_method_options": "any",
}  # fmt: skip


@route("POST", "/v1/payment_intents", _CREATE)
def create(ctx: Context) -> dict:
    require(ctx.params, "amount", "currency")
    check_amount(ctx.params["amount"])
    _check_currency(ctx.params["currency"])
    intent = build(ctx, ctx.params)
    if ctx.params.get("payment_method"):
        _set_method(ctx, intent, ctx.params["payment_method"])
    if not ctx.params.get("confirm"):
        for name in ("off_session", "return_url", "error_on_requires_action"):
            if name in ctx.params:
                raise ApiError(f"The parameter {name} can only be passed when confirm=true.",
                               param=name)  # fmt: skip
        ctx.store.save(intent)
        emit(ctx, "payment_intent.created", intent)
        return intent
    _check_confirmable(ctx, intent)
    ctx.store.save(intent)
    emit(ctx, "payment_intent.created", intent)
    return _confirm(ctx, intent)


def build(ctx: Context, facts: dict) -> dict:
    """Return a new intent that is not stored yet."""
    customer = facts.get("customer") or None
    if customer:
        ctx.get(kind="customer", id=customer, param="customer", status=400)
    types = facts.get("payment_method_types")
    automatic = facts.get("automatic_payment_methods")
    if not types and automatic is None:
        automatic = {"enabled": True}
    stamp = ctx.stamp("pi", "payment_intent")
    return stamp | {
        "amount": facts["amount"], "amount_capturable": 0, "amount_details": {"tip": {}},
        "amount_received": 0, "application": None, "application_fee_amount": None,
        "automatic_payment_methods": {"allow_redirects": "always", **automatic}
        if automatic and automatic.get("enabled") else None,
        "canceled_at": None, "cancellation_reason": None,
        "capture_method": facts.get("capture_method", "automatic_async"),
        "client_secret": attempts.new_secret(stamp["id"]),
        "confirmation_method": facts.get("confirmation_method", "automatic"),
        "currency": facts.get("currency", "usd"), "customer": customer,
        **{name: facts.get(name) or None for name in _TEXTS},
        "excluded_payment_method_types": None, "last_payment_error": None,
        "latest_charge": None, "metadata": merge_metadata({}, facts.get("metadata")),
        "next_action": None, "on_behalf_of": None, "payment_method": None,
        "payment_method_configuration_details": None,
        "payment_method_options": {"card": {
            "installments": None, "mandate_options": None, "network": None,
            "request_three_d_secure": "automatic",
        }},
        "payment_method_types": types or ["card"], "processing": None, "review": None,
        "setup_future_usage": facts.get("setup_future_usage") or None,
        "shipping": facts.get("shipping") or None, "source": None,
        "status": "requires_payment_method", "transfer_data": None,
        "transfer_group": facts.get("transfer_group") or None,
    }  # fmt: skip


def check_amount(amount: int) -> None:
    if amount < 1:
        raise ApiError("This value must be greater than or equal to 1.",
                       code="parameter_invalid_integer", param="amount")  # fmt: skip
    if amount < MIN_AMOUNT:
        raise ApiError("Amount must be at least $0.50 usd", code="amount_too_small",
                       param="amount")  # fmt: skip
    if amount > MAX_AMOUNT:
        raise ApiError("Amount must be no more than $999,999.99", code="amount_too_large",
                       param="amount")  # fmt: skip


def _check_currency(currency: str) -> None:
    if currency != "usd":
        raise ApiError(f"Invalid currency: {currency}. The sandbox knows usd only.",
                       param="currency")  # fmt: skip


def unexpected_state(intent: dict, message: str) -> ApiError:
    kind = intent["object"]
    return ApiError(message, code=f"{kind}_unexpected_state", executed=True,
                    extra={kind: public(intent)})  # fmt: skip


def _set_method(ctx: Context, intent: dict, id: str) -> dict:
    method = methods.usable(ctx, id, customer=intent["customer"])
    intent |= {"payment_method": method["id"], "status": "requires_confirmation",
               "next_action": None}  # fmt: skip
    return method


@route("POST", "/v1/payment_intents/{id}/confirm", _CONFIRM)
def confirm(ctx: Context, id: str) -> dict:
    intent = ctx.get(kind="payment_intent", id=id, param="intent")
    if intent["status"] not in OPEN:
        raise unexpected_state(intent, _CLOSED[intent["status"]])
    for name in ("receipt_email", "setup_future_usage", "payment_method_types"):
        if ctx.params.get(name):
            intent[name] = ctx.params[name]
    if ctx.params.get("payment_method"):
        _set_method(ctx, intent, ctx.params["payment_method"])
    _check_confirmable(ctx, intent)
    return _confirm(ctx, intent)


_CLOSED = {
    "succeeded": "You cannot confirm this PaymentIntent because it has already succeeded after "
    "being previously confirmed.",
    "canceled": "You cannot confirm this PaymentIntent because it has a status of canceled. Only "
    "a PaymentIntent with one of the following statuses may be confirmed: requires_confirmation, "
    "requires_action.",
    "processing": "You cannot confirm this PaymentIntent because it has a status of processing.",
}


def _check_confirmable(ctx: Context, intent: dict) -> None:
    if not intent["payment_method"]:
        raise unexpected_state(
            intent,
            "You cannot confirm this PaymentIntent because it's missing a payment method. You can "
            "either update the PaymentIntent with a payment method and then confirm it again, or "
            "confirm it again directly with a payment method or ConfirmationToken.",
        )
    automatic = intent["automatic_payment_methods"]
    redirects = automatic and automatic["allow_redirects"] == "always"
    if redirects and not _is_off_session(ctx) and not ctx.params.get("return_url"):
        raise ApiError(
            "This PaymentIntent is configured to accept payment methods enabled in your Dashboard. "
            "Because some of these payment methods might redirect your customer off of your page, "
            "you must provide a `return_url`. If you don't want to accept redirect-based payment "
            "methods, set `automatic_payment_methods[enabled]` to `true` and "
            "`automatic_payment_methods[allow_redirects]` to `never`, or give "
            "`payment_method_types`."
        )


def _is_off_session(ctx: Context) -> bool:
    return ctx.params.get("off_session", "false") in ("true", "one_off", "recurring")


def _confirm(ctx: Context, intent: dict) -> dict:
    method = methods.usable(ctx, intent["payment_method"], customer=intent["customer"])
    return attempts.attempt(
        ctx, intent, method, present=not _is_off_session(ctx),
        return_url=ctx.params.get("return_url"),
        refuse_action=ctx.params.get("error_on_requires_action", False),
    )  # fmt: skip


@route("GET", "/v1/payment_intents/{id}", {"client_secret": "str"})
def retrieve(ctx: Context, id: str) -> dict:
    return ctx.get(kind="payment_intent", id=id, param="intent")


@route("POST", "/v1/payment_intents/{id}", _EDITABLE)
def update(ctx: Context, id: str) -> dict:
    before = ctx.get(kind="payment_intent", id=id, param="intent")
    intent = dict(before)
    frozen = [name for name in ctx.params if name not in ("metadata", "description")]
    if frozen and intent["status"] not in OPEN:
        raise unexpected_state(
            intent,
            f"This PaymentIntent's {frozen[0]} could not be updated because it has a status of "
            f"{intent['status']}. You may only update the {frozen[0]} of a PaymentIntent with one "
            f"of the following statuses: {', '.join(OPEN)}.",
        )
    _edit(ctx, intent)
    ctx.store.save(intent)
    if changed(before, intent).keys() & {"amount"}:
        emit(ctx, "payment_intent.amount_updated", intent, previous=changed(before, intent))
    return intent


def _edit(ctx: Context, intent: dict) -> None:
    if "amount" in ctx.params:
        check_amount(ctx.params["amount"])
        intent["amount"] = ctx.params["amount"]
    if "currency" in ctx.params:
        _check_currency(ctx.params["currency"])
    if ctx.params.get("customer"):
        found = ctx.get(kind="customer", id=ctx.params["customer"], param="customer", status=400)
        intent["customer"] = found["id"]
    for name in (*_TEXTS, "setup_future_usage", "shipping", "transfer_group"):
        if name in ctx.params:
            intent[name] = ctx.params[name] or None
    intent["metadata"] = merge_metadata(intent["metadata"], ctx.params.get("metadata"))
    if ctx.params.get("payment_method"):
        _set_method(ctx, intent, ctx.params["payment_method"])


@route("POST", "/v1/payment_intents/{id}/cancel", {"cancellation_reason": (
    "duplicate", "fraudulent", "requested_by_customer", "abandoned")})  # fmt: skip
def cancel(ctx: Context, id: str) -> dict:
    intent = ctx.get(kind="payment_intent", id=id, param="intent")
    if intent["status"] not in OPEN:
        raise unexpected_state(
            intent,
            f"You cannot cancel this PaymentIntent because it has a status of {intent['status']}. "
            "Only a PaymentIntent with one of the following statuses may be canceled: "
            f"{', '.join(OPEN)}.",
        )
    intent |= {
        "status": "canceled", "canceled_at": ctx.clock.seconds(), "next_action": None,
        "cancellation_reason": ctx.params.get("cancellation_reason"),
    }  # fmt: skip
    ctx.store.save(intent)
    emit(ctx, "payment_intent.canceled", intent)
    return intent


@route("GET", "/v1/payment_intents", {**LISTING, "customer": "str", "created": "range"})
def listing(ctx: Context) -> dict:
    where = {"customer": ctx.params["customer"]} if "customer" in ctx.params else None
    return page(ctx, kind="payment_intent", url="/v1/payment_intents", where=where)
