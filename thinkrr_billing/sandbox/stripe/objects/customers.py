"""Customers: what may be said of one, and what a new one holds."""

from thinkrr_billing.sandbox.stripe.state.context import Context
from thinkrr_billing.sandbox.stripe.state.ids import random_text
from thinkrr_billing.sandbox.stripe.wire.params import merge_metadata

_ADDRESS = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"), "str")
_PLAIN = ("description", "email", "name", "phone", "business_name", "individual_name")
FIELDS = {
    **dict.fromkeys(_PLAIN, "str"),
    "email": "email",
    "address": _ADDRESS,
    "shipping": {"address": _ADDRESS, "name": "str", "phone": "str"},
    "metadata": "metadata",
    "preferred_locales": "list",
    "tax_exempt": ("", "none", "exempt", "reverse"),
    "invoice_prefix": "str",
    "balance": "int",
    "invoice_settings": {
        "default_payment_method": "str",
        "footer": "str",
        "custom_fields": "any",
        "rendering_options": "any",
    },
}


def build(ctx: Context) -> dict:
    """Return a new customer that is not stored yet."""
    customer = ctx.stamp("cus", "customer", length=14) | {
        "address": None,
        "balance": 0,
        "currency": None,
        "default_source": None,
        "delinquent": False,
        "description": None,
        "discount": None,
        "email": None,
        "invoice_prefix": random_text(8).upper(),
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "metadata": {},
        "name": None,
        "next_invoice_sequence": 1,
        "phone": None,
        "preferred_locales": [],
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": None,
    }
    apply(customer, ctx.params)
    return customer


def apply(customer: dict, params: dict) -> None:
    """Change what is given. An empty text takes a field away."""
    for name in (*_PLAIN, "shipping"):
        if name in params:
            customer[name] = params[name] or None
    if "address" in params:
        customer["address"] = _address(params["address"])
    if customer["shipping"]:
        customer["shipping"] = {
            "name": "",
            **customer["shipping"],
            "address": _address(customer["shipping"].get("address")),
        }
    for name in ("preferred_locales", "balance", "tax_exempt", "invoice_prefix"):
        if name in params:
            customer[name] = params[name]
    for name, value in (params.get("invoice_settings") or {}).items():
        customer["invoice_settings"][name] = value or None
    customer["metadata"] = merge_metadata(customer["metadata"], params.get("metadata"))


def _address(given: dict | None) -> dict | None:
    """Every part of an address is there; what nobody said is null."""
    return {**dict.fromkeys(_ADDRESS), **given} if given else None
