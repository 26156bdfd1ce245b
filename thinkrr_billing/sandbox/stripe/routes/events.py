"""Events: what happened, newest first."""

from thinkrr_billing.sandbox.stripe.routes.router import page, route
from thinkrr_billing.sandbox.stripe.state import webhooks
from thinkrr_billing.sandbox.stripe.state.context import Context
from thinkrr_billing.sandbox.stripe.wire.params import LISTING


@route("GET", "/v1/events/{id}")
def retrieve(ctx: Context, id: str) -> dict:
    event = ctx.get(kind="event", id=id)
    return event | {"pending_webhooks": webhooks.pending(ctx.store, event=id)}


@route("GET", "/v1/events", {**LISTING, "type": "str", "types": "list", "created": "range"})
def listing(ctx: Context) -> dict:
    if "type" in ctx.params:
        ctx.params["types"] = [ctx.params["type"]]
    answer = page(ctx, kind="event", url="/v1/events")
    answer["data"] = [
        event | {"pending_webhooks": webhooks.pending(ctx.store, event=event["id"])}
        for event in answer["data"]
    ]
    return answer
