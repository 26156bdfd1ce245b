"""Payment methods: cards are made here, others by the control API."""

from thinkrr_billing.sandbox.stripe.objects import cards, methods, other_methods
from thinkrr_billing.sandbox.stripe.objects.events import changed, emit
from thinkrr_billing.sandbox.stripe.routes.router import page, route
from thinkrr_billing.sandbox.stripe.state.context import Context
from thinkrr_billing.sandbox.stripe.wire.errors import ApiError
from thinkrr_billing.sandbox.stripe.wire.params import LISTING, merge_metadata, require

_ADDRESS = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"), "str")
_BILLING = {"address": _ADDRESS, "email": "email", "name": "str", "phone": "str", "tax_id": "str"}
_CARD = {
    "number": "str",
    "exp_month": "int",
    "exp_year": "int",
    "cvc": "str",
    "token": "str",
    "networks": "any",
}


@route(
    "POST",
    "/v1/payment_methods",
    {
        "type": ("card",),
        "card": _CARD,
        "billing_details": _BILLING,
        "metadata": "metadata",
        "allow_redisplay": "str",
    },
)
def create(ctx: Context) -> dict:
    require(ctx.params, "type", "card")
    facts = ctx.params["card"]
    card = _card(facts)
    method = cards.payment_method(
        ctx,
        card,
        exp_month=facts.get("exp_month", 12),
        exp_year=facts.get("exp_year"),
        billing_details=ctx.params.get("billing_details"),
        metadata=merge_metadata({}, ctx.params.get("metadata")),
    )
    ctx.store.save(method)
    return method


def _card(facts: dict) -> cards.TestCard:
    if "token" in facts:
        card = cards.named(facts["token"])
        if card is None:
            raise ApiError(
                f"No such token: '{facts['token']}'", code="resource_missing", param="card[token]"
            )
        return card
    for name in ("number", "exp_month", "exp_year"):
        if name not in facts:
            raise ApiError(
                f"Missing required param: card[{name}].",
                code="parameter_missing",
                param=f"card[{name}]",
            )
    if not 1 <= facts["exp_month"] <= 12:
        raise ApiError(
            "Your card's expiration month is invalid.",
            status=402,
            kind="card_error",
            code="invalid_expiry_month",
            param="exp_month",
        )
    return cards.numbered(facts["number"])


@route("GET", "/v1/payment_methods/{id}")
def retrieve(ctx: Context, id: str) -> dict:
    return ctx.get(kind="payment_method", id=id, param="payment_method")


@route(
    "POST",
    "/v1/payment_methods/{id}",
    {
        "billing_details": _BILLING,
        "metadata": "metadata",
        "allow_redisplay": "str",
        "card": {"exp_month": "int", "exp_year": "int", "networks": "any"},
    },
)
def update(ctx: Context, id: str) -> dict:
    before = ctx.get(kind="payment_method", id=id, param="payment_method")
    if before["customer"] is None:
        raise ApiError(
            "You must attach this PaymentMethod to a Customer before updating it.",
            param="payment_method",
        )
    method = dict(before)
    billing = ctx.params.get("billing_details") or {}
    method["billing_details"] = before["billing_details"] | billing
    dates = {
        name: value for name, value in (ctx.params.get("card") or {}).items() if name != "networks"
    }
    if dates:
        if before["type"] != "card":
            raise ApiError("You cannot update a card on a PaymentMethod of another type.")
        method["card"] = before["card"] | dates
    method["metadata"] = merge_metadata(before["metadata"], ctx.params.get("metadata"))
    method["allow_redisplay"] = ctx.params.get("allow_redisplay", before["allow_redisplay"])
    ctx.store.save(method)
    if method != before:
        emit(ctx, "payment_method.updated", method, previous=changed(before, method))
    return method


@route("POST", "/v1/payment_methods/{id}/attach", {"customer": "str"})
def attach(ctx: Context, id: str) -> dict:
    require(ctx.params, "customer")
    customer = ctx.get(kind="customer", id=ctx.params["customer"], param="customer", status=400)
    method = ctx.store.find(kind="payment_method", id=id)
    if method and method["customer"] not in (None, customer["id"]):
        raise ApiError(
            "The payment method you provided has already been attached to a customer.",
            param="payment_method",
        )
    method = methods.usable(ctx, id, customer=customer["id"], status=404)
    return methods.attach(ctx, method, customer=customer["id"])


@route("POST", "/v1/payment_methods/{id}/detach")
def detach(ctx: Context, id: str) -> dict:
    method = ctx.get(kind="payment_method", id=id, param="payment_method")
    if method["customer"] is None:
        raise ApiError(
            "The payment method you provided is not attached to a customer so detachment is "
            "impossible.",
            param="payment_method",
        )
    return methods.detach(ctx, method)


@route(
    "GET",
    "/v1/payment_methods",
    {**LISTING, "customer": "str", "type": other_methods.TYPES, "allow_redisplay": "str"},
)
def listing(ctx: Context) -> dict:
    where = {"type": ctx.params["type"]} if "type" in ctx.params else {}
    if "customer" in ctx.params:
        where["customer"] = ctx.get(
            kind="customer", id=ctx.params["customer"], param="customer", status=400
        )["id"]
    return page(ctx, kind="payment_method", url="/v1/payment_methods", where=where)
