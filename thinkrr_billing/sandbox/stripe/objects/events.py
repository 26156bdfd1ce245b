"""Records what happened and queues it for delivery."""

from thinkrr_billing.sandbox.stripe.objects.expanding import public
from thinkrr_billing.sandbox.stripe.state import webhooks
from thinkrr_billing.sandbox.stripe.state.context import Context

API_VERSION = "2026-08-26.dahlia"


def emit(ctx: Context, type: str, obj: dict, *, previous: dict | None = None) -> None:
    """Store the event with the object as it is now, in the running transaction."""
    if ctx.silent:
        return
    data: dict = {"object": public(obj)}
    if previous is not None:
        data["previous_attributes"] = previous
    event = ctx.stamp("evt", "event") | {
        "api_version": API_VERSION,
        "data": data,
        "pending_webhooks": 0,
        "request": {"id": ctx.request_id, "idempotency_key": ctx.idempotency_key},
        "type": type,
    }
    ctx.store.save(event)
    webhooks.queue(ctx.store, event=event, now=ctx.clock.now())


def changed(before: dict, after: dict) -> dict:
    """Return the old values of what differs, as `previous_attributes` has them."""
    old, new = public(before), public(after)
    return {key: value for key, value in old.items() if new.get(key) != value}
