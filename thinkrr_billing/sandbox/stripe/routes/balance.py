"""Charges and balance transactions, read-only."""

from thinkrr_billing.sandbox.stripe.routes.router import page, route
from thinkrr_billing.sandbox.stripe.state.context import Context
from thinkrr_billing.sandbox.stripe.wire.params import LISTING, merge_metadata


@route("GET", "/v1/charges/{id}")
def retrieve_charge(ctx: Context, id: str) -> dict:
    return ctx.get(kind="charge", id=id, param="charge")


@route("POST", "/v1/charges/{id}", {"metadata": "metadata", "description": "str"})
def update_charge(ctx: Context, id: str) -> dict:
    charge = ctx.get(kind="charge", id=id, param="charge")
    charge["metadata"] = merge_metadata(charge["metadata"], ctx.params.get("metadata"))
    charge["description"] = ctx.params.get("description", charge["description"]) or None
    ctx.store.save(charge)
    return charge


@route(
    "GET",
    "/v1/charges",
    {**LISTING, "customer": "str", "payment_intent": "str", "created": "range"},
)
def list_charges(ctx: Context) -> dict:
    where = {
        name: ctx.params[name] for name in ("customer", "payment_intent") if name in ctx.params
    }
    return page(ctx, kind="charge", url="/v1/charges", where=where)


@route("GET", "/v1/balance_transactions/{id}")
def retrieve_transaction(ctx: Context, id: str) -> dict:
    return ctx.get(kind="balance_transaction", id=id)


@route(
    "GET",
    "/v1/balance_transactions",
    {**LISTING, "type": "str", "created": "range"},
)
def list_transactions(ctx: Context) -> dict:
    where = {"type": ctx.params["type"]} if "type" in ctx.params else None
    return page(ctx, kind="balance_transaction", url="/v1/balance_transactions", where=where)
