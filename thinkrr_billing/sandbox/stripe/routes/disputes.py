"""Disputes. They begin at the control API, because only a cardholder can open one."""

from thinkrr_billing.sandbox.stripe.objects import disputing
from thinkrr_billing.sandbox.stripe.objects.events import changed, emit
from thinkrr_billing.sandbox.stripe.routes.router import page, route
from thinkrr_billing.sandbox.stripe.state.context import Context
from thinkrr_billing.sandbox.stripe.wire.params import LISTING, merge_metadata


@route("GET", "/v1/disputes/{id}")
def retrieve(ctx: Context, id: str) -> dict:
    return ctx.get(kind="dispute", id=id, param="dispute")


@route("POST", "/v1/disputes/{id}", {"metadata": "metadata", "evidence": "any", "submit": "bool"})
def update(ctx: Context, id: str) -> dict:
    before = ctx.get(kind="dispute", id=id, param="dispute")
    dispute = dict(before)
    dispute["metadata"] = merge_metadata(dispute["metadata"], ctx.params.get("metadata"))
    if isinstance(ctx.params.get("evidence"), dict):
        dispute["evidence"] = dispute["evidence"] | ctx.params["evidence"]
        dispute["evidence_details"] = {**dispute["evidence_details"], "has_evidence": True}
        if ctx.params.get("submit", True) and dispute["status"].endswith("needs_response"):
            dispute["status"] = dispute["status"].replace("needs_response", "under_review")
    ctx.store.save(dispute)
    if dispute != before:
        emit(ctx, "charge.dispute.updated", dispute, previous=changed(before, dispute))
    return dispute


@route("POST", "/v1/disputes/{id}/close")
def close(ctx: Context, id: str) -> dict:
    return disputing.close(ctx, ctx.get(kind="dispute", id=id, param="dispute"))


@route(
    "GET", "/v1/disputes", {**LISTING, "payment_intent": "str", "charge": "str", "created": "range"}
)
def listing(ctx: Context) -> dict:
    where = {name: ctx.params[name] for name in ("payment_intent", "charge") if name in ctx.params}
    return page(ctx, kind="dispute", url="/v1/disputes", where=where)
