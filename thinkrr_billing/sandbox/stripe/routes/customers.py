"""Customers."""

from .. import methods
from ..context import Context
from ..events import changed, emit
from ..ids import random_text
from ..params import LISTING, merge_metadata
from ..router import page, route

_ADDRESS = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"), "str")
_PLAIN = ("description", "email", "name", "phone", "business_name", "individual_name")
FIELDS = {
    **dict.fromkeys(_PLAIN, "str"), "address": _ADDRESS,
    "shipping": {"address": _ADDRESS, "name": "str", "phone": "str"}, "metadata": "metadata",
    "preferred_locales": "list", "tax_exempt": ("", "none", "exempt", "reverse"),
    "invoice_prefix": "str", "balance": "int",
    "invoice_settings": {
        "default_payment_method": "str", "footer": "str", "custom_fields": "any",
        "rendering_options": "any",
    },
}  # fmt: skip


@route("POST", "/v1/customers", {**FIELDS, "payment_method": "str"})
def create(ctx: Context) -> dict:
    customer = build(ctx)
    ctx.store.save(customer)
    if ctx.params.get("payment_method"):
        method = methods.usable(ctx, ctx.params["payment_method"], customer=None)
        methods.attach(ctx, method, customer=customer["id"])
    emit(ctx, "customer.created", customer)
    return customer


def build(ctx: Context) -> dict:
    """Return a new customer that is not stored yet."""
    customer = ctx.stamp("cus", "customer", length=14) | {
        "address": None, "balance": 0, "currency": None, "default_source": None,
        "delinquent": False, "description": None, "discount": None, "email": None,
        "invoice_prefix": random_text(8).upper(),
        "invoice_settings": {
            "custom_fields": None, "default_payment_method": None, "footer": None,
            "rendering_options": None,
        },
        "metadata": {}, "name": None, "next_invoice_sequence": 1, "phone": None,
        "preferred_locales": [], "shipping": None, "tax_exempt": "none", "test_clock": None,
    }  # fmt: skip
    _apply(customer, ctx.params)
    return customer


@route("GET", "/v1/customers/{id}")
def retrieve(ctx: Context, id: str) -> dict:
    deleted = ctx.store.find(kind="deleted customer", id=id)
    return deleted or ctx.get(kind="customer", id=id)


@route("POST", "/v1/customers/{id}", FIELDS)
def update(ctx: Context, id: str) -> dict:
    before = ctx.get(kind="customer", id=id)
    default = (ctx.params.get("invoice_settings") or {}).get("default_payment_method")
    if default:
        methods.usable(ctx, default, customer=id, attached=True)
    customer = dict(before, invoice_settings=dict(before["invoice_settings"]))
    _apply(customer, ctx.params)
    ctx.store.save(customer)
    if customer != before:
        emit(ctx, "customer.updated", customer, previous=changed(before, customer))
    return customer


def _apply(customer: dict, params: dict) -> None:
    for name in (*_PLAIN, "address", "shipping"):
        if name in params:
            customer[name] = params[name] or None
    for name in ("preferred_locales", "balance", "tax_exempt", "invoice_prefix"):
        if name in params:
            customer[name] = params[name]
    for name, value in (params.get("invoice_settings") or {}).items():
        customer["invoice_settings"][name] = value or None
    customer["metadata"] = merge_metadata(customer["metadata"], params.get("metadata"))


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
        found = [one for one in ctx.store.list(kind="customer", created=ctx.params.get("created"))
                 if one["email"] == ctx.params["email"]]  # fmt: skip
        limit = ctx.params.get("limit", 10)
        answer |= {"data": found[:limit], "has_more": len(found) > limit}
    return answer


@route("GET", "/v1/customers/{id}/payment_methods",
       {**LISTING, "type": ("card",), "allow_redisplay": "str"})  # fmt: skip
def list_payment_methods(ctx: Context, id: str) -> dict:
    ctx.get(kind="customer", id=id, param="customer")
    return page(ctx, kind="payment_method", url=f"/v1/customers/{id}/payment_methods",
                where={"customer": id})  # fmt: skip


@route("GET", "/v1/customers/{id}/payment_methods/{method_id}")
def retrieve_payment_method(ctx: Context, id: str, method_id: str) -> dict:
    ctx.get(kind="customer", id=id, param="customer")
    return methods.usable(ctx, method_id, customer=id, attached=True)


@route("GET", "/v1/customers/{id}/tax_ids", LISTING)
def list_tax_ids(ctx: Context, id: str) -> dict:
    ctx.get(kind="customer", id=id, param="customer")
    return {"object": "list", "data": [], "has_more": False, "url": f"/v1/customers/{id}/tax_ids"}
