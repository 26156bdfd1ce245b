"""Payment methods that are no cards. They can be attached and read here, never charged."""

from thinkrr_billing.sandbox.stripe.objects import cards
from thinkrr_billing.sandbox.stripe.state.context import Context


def build(ctx: Context, kind: str) -> dict:
    """Build, but do not store, a payment method of this type."""
    method = cards.payment_method(ctx, cards.BY_NUMBER["4242424242424242"])
    del method["card"]
    method["_sandbox"]["number"] = None
    return method | {"type": kind, kind: BUILDERS[kind]()}


def _us_bank_account() -> dict:
    return {
        "account_holder_type": "company",
        "account_type": "checking",
        "bank_name": "STRIPE TEST BANK",
        "financial_connections_account": None,
        "fingerprint": "sandboxBank00001",
        "last4": "6789",
        "networks": {"preferred": "ach", "supported": ["ach"]},
        "routing_number": "110000000",
        "status_details": None,
    }


def _link() -> dict:
    return {"email": "link@example.com"}


BUILDERS = {"us_bank_account": _us_bank_account, "link": _link}
TYPES = ("card", *BUILDERS)
