"""Refunds."""

from thinkrr_billing.sandbox.stripe.objects import refunding
from thinkrr_billing.sandbox.stripe.objects.events import changed, emit
from thinkrr_billing.sandbox.stripe.routes.router import page, route
from thinkrr_billing.sandbox.stripe.state.context import Context
from thinkrr_billing.sandbox.stripe.wire.errors import ApiError, missing
from thinkrr_billing.sandbox.stripe.wire.params import LISTING, merge_metadata


@route(
    "POST",
    "/v1/refunds",
    {
        "payment_intent": "str",
        "charge": "str",
        "amount": "int",
        "metadata": "metadata",
        "reason": ("duplicate", "fraudulent", "requested_by_customer"),
    },
)
def create(ctx: Context) -> dict:
    return refunding.create(
        ctx,
        _charge(ctx),
        amount=ctx.params.get("amount"),
        reason=ctx.params.get("reason"),
        metadata=merge_metadata({}, ctx.params.get("metadata")),
    )


def _charge(ctx: Context) -> dict:
    if ctx.params.get("charge"):
        return ctx.get(kind="charge", id=ctx.params["charge"], param="charge")
    if not ctx.params.get("payment_intent"):
        raise ApiError(
            "One of the following params should be provided for this request: "
            "payment_intent or charge.",
            code="parameter_missing",
        )
    id = ctx.params["payment_intent"]
    intent = ctx.store.find(kind="payment_intent", id=id)
    if intent is None:
        raise missing(kind="payment_intent", id=id, param="payment_intent")
    if intent["status"] != "succeeded":
        raise ApiError(
            f"This PaymentIntent ({id}) does not have a successful charge to refund.",
            param="payment_intent",
        )
    return ctx.get(kind="charge", id=intent["latest_charge"])


@route("GET", "/v1/refunds/{id}")
def retrieve(ctx: Context, id: str) -> dict:
    return ctx.get(kind="refund", id=id)


@route("POST", "/v1/refunds/{id}", {"metadata": "metadata"})
def update(ctx: Context, id: str) -> dict:
    before = ctx.get(kind="refund", id=id)
    refund = dict(before)
    refund["metadata"] = merge_metadata(refund["metadata"], ctx.params.get("metadata"))
    ctx.store.save(refund)
    if refund != before:
        emit(ctx, "refund.updated", refund, previous=changed(before, refund))
    return refund


@route(
    "GET", "/v1/refunds", {**LISTING, "payment_intent": "str", "charge": "str", "created": "range"}
)
def listing(ctx: Context) -> dict:
    where = {name: ctx.params[name] for name in ("payment_intent", "charge") if name in ctx.params}
    return page(ctx, kind="refund", url="/v1/refunds", where=where)
