"""Payment intents: create, confirm, update, cancel, read."""

from thinkrr_billing.sandbox.stripe.objects import attempts, intents, methods
from thinkrr_billing.sandbox.stripe.objects.events import emit
from thinkrr_billing.sandbox.stripe.routes.router import page, route
from thinkrr_billing.sandbox.stripe.state.context import Context
from thinkrr_billing.sandbox.stripe.wire.errors import ApiError
from thinkrr_billing.sandbox.stripe.wire.params import LISTING, merge_metadata, require

_AUTOMATIC = {"enabled": "bool", "allow_redirects": ("always", "never")}
_EDITABLE = {
    **dict.fromkeys(intents.TEXTS, "str"),
    "receipt_email": "email",
    "amount": "int",
    "currency": "str",
    "customer": "str",
    "metadata": "metadata",
    "payment_method": "str",
    "payment_method_types": "list",
    "setup_future_usage": ("", "on_session", "off_session"),
    "payment_method_options": "any",
    "capture_method": ("automatic", "automatic_async"),
    "shipping": "any",
    "transfer_group": "str",
}
_CONFIRMING = {
    "off_session": "str",
    "return_url": "str",
    "error_on_requires_action": "bool",
    "mandate_data": "any",
    "use_stripe_sdk": "bool",
}
_CREATE = {
    **_EDITABLE,
    "setup_future_usage": ("on_session", "off_session"),
    **_CONFIRMING,
    "confirm": "bool",
    "automatic_payment_methods": _AUTOMATIC,
    "confirmation_method": ("automatic", "manual"),
}
_CONFIRM = {
    **_CONFIRMING,
    "payment_method": "str",
    "receipt_email": "email",
    "payment_method_types": "list",
    "setup_future_usage": ("", "on_session", "off_session"),
    "payment_method_options": "any",
}


@route("POST", "/v1/payment_intents", _CREATE)
def create(ctx: Context) -> dict:
    require(ctx.params, "amount", "currency")
    intents.check_amount(ctx.params["amount"])
    _check_currency(ctx.params["currency"])
    intent = intents.build(ctx, ctx.params)
    if ctx.params.get("payment_method"):
        _set_method(ctx, intent, ctx.params["payment_method"])
    if not ctx.params.get("confirm"):
        for name in ("off_session", "return_url", "error_on_requires_action"):
            if name in ctx.params:
                raise ApiError(
                    f"The parameter {name} can only be passed when confirm=true.", param=name
                )
        ctx.store.save(intent)
        emit(ctx, "payment_intent.created", intent)
        return intent
    _check_confirmable(ctx, intent)
    ctx.store.save(intent)
    emit(ctx, "payment_intent.created", intent)
    return _confirm(ctx, intent)


def _check_currency(currency: str) -> None:
    if currency != "usd":
        raise ApiError(
            f"Invalid currency: {currency}. The sandbox knows usd only.", param="currency"
        )


def _set_method(ctx: Context, intent: dict, id: str) -> dict:
    method = methods.usable(ctx, id, customer=intent["customer"])
    methods.refuse_other_types(method)
    intent |= {
        "payment_method": method["id"],
        "status": "requires_confirmation",
        "next_action": None,
    }
    return method


@route("POST", "/v1/payment_intents/{id}/confirm", _CONFIRM)
def confirm(ctx: Context, id: str) -> dict:
    intent = ctx.get(kind="payment_intent", id=id, param="intent")
    if intent["status"] not in intents.OPEN:
        raise intents.unexpected_state(intent, _CLOSED[intent["status"]])
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
        raise intents.unexpected_state(
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
        ctx,
        intent,
        method,
        present=not _is_off_session(ctx),
        return_url=ctx.params.get("return_url"),
        refuse_action=ctx.params.get("error_on_requires_action", False),
    )


@route("GET", "/v1/payment_intents/{id}", {"client_secret": "str"})
def retrieve(ctx: Context, id: str) -> dict:
    return ctx.get(kind="payment_intent", id=id, param="intent")


@route("POST", "/v1/payment_intents/{id}", _EDITABLE)
def update(ctx: Context, id: str) -> dict:
    intent = ctx.get(kind="payment_intent", id=id, param="intent")
    frozen = [name for name in ctx.params if name not in ("metadata", "description")]
    if frozen and intent["status"] not in intents.OPEN:
        raise intents.unexpected_state(
            intent,
            f"This PaymentIntent's {frozen[0]} could not be updated because it has a status of "
            f"{intent['status']}. You may only update the {frozen[0]} of a PaymentIntent with one "
            f"of the following statuses: {', '.join(intents.OPEN)}.",
        )
    _edit(ctx, intent)
    ctx.store.save(intent)
    return intent


def _edit(ctx: Context, intent: dict) -> None:
    if "amount" in ctx.params:
        intents.check_amount(ctx.params["amount"])
        intent["amount"] = ctx.params["amount"]
    if "currency" in ctx.params:
        _check_currency(ctx.params["currency"])
    if ctx.params.get("customer"):
        found = ctx.get(kind="customer", id=ctx.params["customer"], param="customer", status=400)
        intent["customer"] = found["id"]
    for name in (*intents.TEXTS, "setup_future_usage", "shipping", "transfer_group"):
        if name in ctx.params:
            intent[name] = ctx.params[name] or None
    intent["metadata"] = merge_metadata(intent["metadata"], ctx.params.get("metadata"))
    if ctx.params.get("payment_method"):
        _set_method(ctx, intent, ctx.params["payment_method"])


@route(
    "POST",
    "/v1/payment_intents/{id}/cancel",
    {"cancellation_reason": ("duplicate", "fraudulent", "requested_by_customer", "abandoned")},
)
def cancel(ctx: Context, id: str) -> dict:
    intent = ctx.get(kind="payment_intent", id=id, param="intent")
    if intent["status"] not in intents.OPEN:
        raise intents.unexpected_state(
            intent,
            f"You cannot cancel this PaymentIntent because it has a status of {intent['status']}. "
            "Only a PaymentIntent with one of the following statuses may be canceled: "
            f"{', '.join(intents.OPEN)}.",
        )
    intent |= {
        "status": "canceled",
        "canceled_at": ctx.clock.seconds(),
        "next_action": None,
        "cancellation_reason": ctx.params.get("cancellation_reason"),
    }
    ctx.store.save(intent)
    emit(ctx, "payment_intent.canceled", intent)
    return intent


@route("GET", "/v1/payment_intents", {**LISTING, "customer": "str", "created": "range"})
def listing(ctx: Context) -> dict:
    where = {"customer": ctx.params["customer"]} if "customer" in ctx.params else None
    return page(ctx, kind="payment_intent", url="/v1/payment_intents", where=where)
