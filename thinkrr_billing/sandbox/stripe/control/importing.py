"""Bulk import of a past: customers, cards, payments and refunds in one request, for demo data."""

from thinkrr_billing.sandbox.stripe.objects import attempts, cards, customers, intents, refunding
from thinkrr_billing.sandbox.stripe.state.clock import Clock
from thinkrr_billing.sandbox.stripe.state.context import Context
from thinkrr_billing.sandbox.stripe.wire.errors import ApiError
from thinkrr_billing.sandbox.stripe.wire.params import check

MAX_ITEMS = 100_000
_KINDS = ("customers", "cards", "payment_intents", "refunds")


class BadImport(ValueError):
    """Nothing was imported; the text names the first item that is wrong."""


class _Then:
    """Objects are dated with the moment of the item being imported; everything else is now."""

    def __init__(self, clock: Clock) -> None:
        self._clock, self.moment = clock, None

    def now(self) -> float:
        return self._clock.now()

    def seconds(self) -> int:
        return int(self.now() if self.moment is None else self.moment)


def import_all(ctx: Context, body: dict) -> dict:
    """Import in the order customers, cards, payment intents, refunds. All or nothing.

    Customers first: later items may name the ids given earlier ones. With `"webhooks": true`
    events are recorded and delivered as if it all happened now.
    """
    unknown = set(body) - {*_KINDS, "webhooks"}
    if unknown:
        raise BadImport(f"Unknown fields {sorted(unknown)}; known are {_KINDS} and webhooks.")
    if sum(len(body.get(kind, [])) for kind in _KINDS) > MAX_ITEMS:
        raise BadImport(f"At most {MAX_ITEMS} items in one import.")
    then = _Then(ctx.clock)
    silent = not body.get("webhooks", False)
    inner = Context(store=ctx.store, clock=then, base_url=ctx.base_url, silent=silent)
    made: dict[str, list[str]] = {}
    for kind in _KINDS:
        made[kind] = []
        for index, item in enumerate(body.get(kind, [])):
            then.moment = item.get("created")
            try:
                made[kind].append(_IMPORTERS[kind](inner, dict(item)))
            except (ApiError, KeyError, TypeError, ValueError) as error:
                raise BadImport(f"{kind}[{index}]: {type(error).__name__}: {error}") from None
    return made


def _take_id(ctx: Context, obj: dict, item: dict) -> None:
    wanted = item.get("id")
    if wanted:
        if ctx.store.find_any(wanted):
            raise ValueError(f"the id {wanted} exists already")
        obj["id"] = wanted


def _customer(ctx: Context, item: dict) -> str:
    id, _ = item.pop("id", None), item.pop("created", None)
    ctx.params = check(item, customers.FIELDS)
    customer = customers.build(ctx)
    _take_id(ctx, customer, {"id": id})
    ctx.store.save(customer)
    return customer["id"]


def _card(ctx: Context, item: dict) -> str:
    customer = ctx.get(kind="customer", id=item["customer"])
    method = cards.payment_method(
        ctx,
        cards.numbered(item.get("number", "4242424242424242")),
        exp_month=item.get("exp_month", 12),
        exp_year=item.get("exp_year"),
    )
    _take_id(ctx, method, item)
    method["customer"] = customer["id"]
    method["_sandbox"] |= {
        "behaviour": cards.checked_behaviour(item.get("behaviour")),
        "set_up": True,
    }
    ctx.store.save(method)
    return method["id"]


def _payment_intent(ctx: Context, item: dict) -> str:
    """One past payment. `status`: succeeded (the default), failed, canceled or processing."""
    method = ctx.get(kind="payment_method", id=item["payment_method"])
    intents.check_amount(item["amount"])
    intent = intents.build(
        ctx,
        {
            "amount": item["amount"],
            "customer": item.get("customer") or method["customer"],
            "description": item.get("description"),
            "metadata": item.get("metadata"),
            "payment_method_types": ["card"],
        },
    )
    _take_id(ctx, intent, item)
    ctx.store.save(intent)
    status = item.get("status", "succeeded")
    if status == "succeeded":
        attempts.succeed(ctx, intent, method)
    elif status == "processing":
        ctx.fault = {"kind": "processing"}
        intent = attempts.attempt(ctx, intent, method, present=False, return_url=None)
        ctx.fault = None
    elif status in ("failed", "canceled"):
        if status == "failed" or item.get("decline_code"):
            attempts.decline_intent(
                ctx, intent, method, decline_code=item.get("decline_code", "generic_decline")
            )
        if status == "canceled" or item.get("canceled"):
            intent |= {"status": "canceled", "canceled_at": ctx.clock.seconds()}
            ctx.store.save(intent)
    else:
        raise ValueError(f"status {status!r}: use succeeded, failed, canceled or processing")
    return intent["id"]


def _refund(ctx: Context, item: dict) -> str:
    intent = ctx.get(kind="payment_intent", id=item["payment_intent"])
    charge = ctx.get(kind="charge", id=intent["latest_charge"])
    refund = refunding.create(
        ctx,
        charge,
        amount=item.get("amount"),
        reason=item.get("reason"),
        metadata=item.get("metadata"),
        id=item.get("id"),
    )
    return refund["id"]


_IMPORTERS = {
    "customers": _customer,
    "cards": _card,
    "payment_intents": _payment_intent,
    "refunds": _refund,
}
