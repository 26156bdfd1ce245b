"""Checkout sessions, `mode=setup` only: saving a card on a hosted page."""

from thinkrr_billing.sandbox.stripe.objects import checkout
from thinkrr_billing.sandbox.stripe.routes.router import page, route
from thinkrr_billing.sandbox.stripe.state.context import Context
from thinkrr_billing.sandbox.stripe.wire.errors import ApiError
from thinkrr_billing.sandbox.stripe.wire.params import LISTING, merge_metadata, require


@route(
    "POST",
    "/v1/checkout/sessions",
    {
        "mode": "str",
        "customer": "str",
        "customer_email": "email",
        "success_url": "str",
        "cancel_url": "str",
        "payment_method_types": "list",
        "currency": "str",
        "client_reference_id": "str",
        "metadata": "metadata",
        "locale": "str",
        "expires_at": "time",
        "setup_intent_data": {"metadata": "metadata", "description": "str"},
        "billing_address_collection": ("auto", "required"),
        "ui_mode": ("hosted_page",),
        "payment_method_options": "any",
        "custom_text": "any",
        "submit_type": "str",
    },
)
def create(ctx: Context) -> dict:
    facts = ctx.params
    require(facts, "mode", "success_url")
    if facts["mode"] != "setup":
        raise ApiError(
            f"The sandbox only opens sessions with mode=setup, not {facts['mode']}.", param="mode"
        )
    if not facts.get("payment_method_types"):
        require(facts, "currency")
    for name in ("success_url", "cancel_url"):
        if facts.get(name) and not facts[name].startswith(("http://", "https://")):
            raise ApiError("Not a valid URL", code="url_invalid", param=name)
    if facts.get("customer"):
        ctx.get(kind="customer", id=facts["customer"], param="customer", status=400)
    facts["metadata"] = merge_metadata({}, facts.get("metadata"))
    return checkout.open_session(ctx, facts)


@route("GET", "/v1/checkout/sessions/{id}")
def retrieve(ctx: Context, id: str) -> dict:
    return checkout.current(ctx, id)


@route("POST", "/v1/checkout/sessions/{id}/expire")
def expire(ctx: Context, id: str) -> dict:
    session = checkout.current(ctx, id)
    if session["status"] != "open":
        raise ApiError(
            'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout '
            f"Session has a status of `{session['status']}`.",
            param="session",
        )
    return checkout.expire(ctx, session)


@route(
    "GET",
    "/v1/checkout/sessions",
    {
        **LISTING,
        "customer": "str",
        "created": "range",
        "status": ("open", "complete", "expired"),
    },
)
def listing(ctx: Context) -> dict:
    where = {"customer": ctx.params["customer"]} if "customer" in ctx.params else None
    for session in ctx.store.list(kind="checkout.session", where=where):
        checkout.current(ctx, session["id"])
    if "status" not in ctx.params:
        return page(ctx, kind="checkout.session", url="/v1/checkout/sessions", where=where)
    found = [
        one
        for one in ctx.store.list(kind="checkout.session", where=where)
        if one["status"] == ctx.params["status"]
    ]
    limit = ctx.params.get("limit", 10)
    return {
        "object": "list",
        "data": found[:limit],
        "has_more": len(found) > limit,
        "url": "/v1/checkout/sessions",
    }
