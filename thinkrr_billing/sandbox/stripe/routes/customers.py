"""Customers."""

from thinkrr_billing.sandbox.stripe.objects import customers, methods, other_methods
from thinkrr_billing.sandbox.stripe.objects.events import changed, emit
from thinkrr_billing.sandbox.stripe.routes.router import page, route
from thinkrr_billing.sandbox.stripe.state.context import Context
from thinkrr_billing.sandbox.stripe.wire.params import LISTING


@route("POST", "/v1/customers", {**customers.FIELDS, "payment_method": "str"})
def create(ctx: Context) -> dict:
    customer = customers.build(ctx)
    ctx.store.save(customer)
    if ctx.params.get("payment_method"):
        method = methods.usable(ctx, ctx.params["payment_method"], customer=None)
        methods.attach(ctx, method, customer=customer["id"])
    emit(ctx, "customer.created", customer)
    return customer


@route("GET", "/v1/customers/{id}")
def retrieve(ctx: Context, id: str) -> dict:
    deleted = ctx.store.find(kind="deleted customer", id=id)
    return deleted or ctx.get(kind="customer", id=id)


@route("POST", "/v1/customers/{id}", customers.FIELDS)
def update(ctx: Context, id: str) -> dict:
    before = ctx.get(kind="customer", id=id)
    default = (ctx.params.get("invoice_settings") or {}).get("default_payment_method")
    if default:
        param = "invoice_settings[default_payment_method]"
        methods.usable(ctx, default, customer=id, attached=True, param=param)
    customer = dict(before, invoice_settings=dict(before["invoice_settings"]))
    customers.apply(customer, ctx.params)
    ctx.store.save(customer)
    if customer != before:
        emit(ctx, "customer.updated", customer, previous=changed(before, customer))
    return customer


@route("DELETE", "/v1/customers/{id}")
def delete(ctx: Context, id: str) -> dict:
    customer = ctx.get(kind="customer", id=id)
    for method in ctx.store.list(kind="payment_method", where={"customer": id}):
        methods.detach(ctx, method)
    gone = {"id": id, "object": "customer", "deleted": True}
    ctx.store.save(gone)
    emit(ctx, "customer.deleted", customer)
    return gone


@route("GET", "/v1/customers", {**LISTING, "email": "str", "created": "range"})
def listing(ctx: Context) -> dict:
    answer = page(ctx, kind="customer", url="/v1/customers")
    if "email" in ctx.params:
        found = [
            one
            for one in ctx.store.list(kind="customer", created=ctx.params.get("created"))
            if one["email"] == ctx.params["email"]
        ]
        limit = ctx.params.get("limit", 10)
        answer |= {"data": found[:limit], "has_more": len(found) > limit}
    return answer


@route(
    "GET",
    "/v1/customers/{id}/payment_methods",
    {**LISTING, "type": other_methods.TYPES, "allow_redisplay": "str"},
)
def list_payment_methods(ctx: Context, id: str) -> dict:
    ctx.get(kind="customer", id=id, param="customer")
    where = {"customer": id} | ({"type": ctx.params["type"]} if "type" in ctx.params else {})
    return page(
        ctx,
        kind="payment_method",
        url=f"/v1/customers/{id}/payment_methods",
        where=where,
    )


@route("GET", "/v1/customers/{id}/payment_methods/{method_id}")
def retrieve_payment_method(ctx: Context, id: str, method_id: str) -> dict:
    ctx.get(kind="customer", id=id, param="customer")
    return methods.usable(ctx, method_id, customer=id, attached=True)


@route("GET", "/v1/customers/{id}/tax_ids", LISTING)
def list_tax_ids(ctx: Context, id: str) -> dict:
    ctx.get(kind="customer", id=id, param="customer")
    return {"object": "list", "data": [], "has_more": False, "url": f"/v1/customers/{id}/tax_ids"}
