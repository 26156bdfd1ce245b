"""Setup intents: saving a card for later charges."""

from thinkrr_billing.sandbox.stripe.objects import intents, methods, setups
from thinkrr_billing.sandbox.stripe.objects.events import emit
from thinkrr_billing.sandbox.stripe.routes.router import page, route
from thinkrr_billing.sandbox.stripe.state.context import Context
from thinkrr_billing.sandbox.stripe.wire.errors import ApiError
from thinkrr_billing.sandbox.stripe.wire.params import LISTING, merge_metadata, require

_SHARED = {
    "customer": "str",
    "description": "str",
    "metadata": "metadata",
    "payment_method": "str",
    "payment_method_types": "list",
    "payment_method_options": "any",
}
_CONFIRM = {
    "payment_method": "str",
    "return_url": "str",
    "mandate_data": "any",
    "use_stripe_sdk": "bool",
    "payment_method_options": "any",
}


@route(
    "POST",
    "/v1/setup_intents",
    {
        **_SHARED,
        **_CONFIRM,
        "confirm": "bool",
        "usage": ("off_session", "on_session"),
        "automatic_payment_methods": {"enabled": "bool", "allow_redirects": "str"},
    },
)
def create(ctx: Context) -> dict:
    facts = ctx.params
    if facts.get("customer"):
        ctx.get(kind="customer", id=facts["customer"], param="customer", status=400)
    metadata = merge_metadata({}, facts.get("metadata"))
    setup = setups.build(ctx, facts | {"metadata": metadata})
    if facts.get("payment_method"):
        method = methods.usable(ctx, facts["payment_method"], customer=setup["customer"])
        setup |= {"payment_method": method["id"], "status": "requires_confirmation"}
    if facts.get("confirm"):
        require(facts, "payment_method")
    ctx.store.save(setup)
    emit(ctx, "setup_intent.created", setup)
    if facts.get("confirm"):
        return setups.confirm(ctx, setup, method, return_url=facts.get("return_url"))
    return setup


@route("POST", "/v1/setup_intents/{id}/confirm", _CONFIRM)
def confirm(ctx: Context, id: str) -> dict:
    setup = _own(ctx, id, verb="confirm")
    chosen = ctx.params.get("payment_method") or setup["payment_method"]
    if not chosen:
        raise intents.unexpected_state(
            setup, "You cannot confirm this SetupIntent because it's missing a payment method."
        )
    method = methods.usable(ctx, chosen, customer=setup["customer"])
    return setups.confirm(ctx, setup, method, return_url=ctx.params.get("return_url"))


def _own(ctx: Context, id: str, *, verb: str) -> dict:
    """Return a setup intent that the API itself may still change."""
    setup = ctx.get(kind="setup_intent", id=id, param="intent")
    if setup["_sandbox"]["session"]:
        raise ApiError(
            f"You cannot {verb} a SetupIntent that was created by Checkout. Expire the "
            "Checkout Session instead."
        )
    if setup["status"] not in intents.OPEN:
        raise intents.unexpected_state(
            setup,
            f"You cannot {verb} this SetupIntent because it has a status of {setup['status']}.",
        )
    return setup


@route(
    "POST",
    "/v1/setup_intents/{id}/cancel",
    {"cancellation_reason": ("abandoned", "requested_by_customer", "duplicate")},
)
def cancel(ctx: Context, id: str) -> dict:
    setup = _own(ctx, id, verb="cancel")
    setup |= {
        "status": "canceled",
        "next_action": None,
        "cancellation_reason": ctx.params.get("cancellation_reason"),
    }
    ctx.store.save(setup)
    emit(ctx, "setup_intent.canceled", setup)
    return setup


@route("GET", "/v1/setup_intents/{id}", {"client_secret": "str"})
def retrieve(ctx: Context, id: str) -> dict:
    return ctx.get(kind="setup_intent", id=id, param="intent")


@route("POST", "/v1/setup_intents/{id}", _SHARED)
def update(ctx: Context, id: str) -> dict:
    setup = _own(ctx, id, verb="update")
    setup["metadata"] = merge_metadata(setup["metadata"], ctx.params.get("metadata"))
    if "description" in ctx.params:
        setup["description"] = ctx.params["description"] or None
    if ctx.params.get("payment_method"):
        method = methods.usable(ctx, ctx.params["payment_method"], customer=setup["customer"])
        setup |= {"payment_method": method["id"], "status": "requires_confirmation"}
    ctx.store.save(setup)
    return setup


@route("GET", "/v1/setup_intents", {**LISTING, "customer": "str", "created": "range"})
def listing(ctx: Context) -> dict:
    where = {"customer": ctx.params["customer"]} if "customer" in ctx.params else None
    return page(ctx, kind="setup_intent", url="/v1/setup_intents", where=where)
