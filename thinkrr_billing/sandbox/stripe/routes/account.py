"""The one Stripe account the sandbox is."""

from thinkrr_billing.sandbox.stripe.routes.router import route
from thinkrr_billing.sandbox.stripe.state.context import Context
from thinkrr_billing.sandbox.stripe.wire.errors import missing

ACCOUNT_ID = "acct_1SandboxThinkrr0"
_CREATED = 1_700_000_000


def _account() -> dict:
    return {
        "id": ACCOUNT_ID,
        "object": "account",
        "created": _CREATED,
        "business_profile": {
            "mcc": None,
            "name": "thinkrr",
            "product_description": None,
            "support_address": None,
            "support_email": None,
            "support_phone": None,
            "support_url": None,
            "url": None,
        },
        "business_type": "company",
        "capabilities": {"card_payments": "active", "transfers": "active"},
        "charges_enabled": True,
        "controller": {"type": "account"},
        "country": "US",
        "default_currency": "usd",
        "details_submitted": True,
        "email": "billing@thinkrr.example",
        "external_accounts": {
            "object": "list",
            "data": [],
            "has_more": False,
            "url": f"/v1/accounts/{ACCOUNT_ID}/external_accounts",
        },
        "livemode": False,
        "metadata": {},
        "payouts_enabled": True,
        "settings": {
            "branding": {
                "icon": None,
                "logo": None,
                "primary_color": None,
                "secondary_color": None,
            },
            "card_payments": {"statement_descriptor_prefix": None},
            "dashboard": {"display_name": "thinkrr (sandbox)", "timezone": "Etc/UTC"},
            "payments": {"statement_descriptor": "THINKRR"},
            "payouts": {"schedule": {"interval": "daily"}},
        },
        "tos_acceptance": {"date": None, "ip": None, "user_agent": None},
        "type": "standard",
    }


@route("GET", "/v1/account")
def retrieve(ctx: Context) -> dict:  # noqa: ARG001
    return _account()


@route("GET", "/v1/accounts/{id}")
def retrieve_by_id(ctx: Context, id: str) -> dict:  # noqa: ARG001
    if id != ACCOUNT_ID:
        raise missing(kind="account", id=id, param="account")
    return _account()


@route("GET", "/v1/accounts", {"limit": "int", "starting_after": "str"})
def listing(ctx: Context) -> dict:
    found = [] if ctx.params.get("starting_after") == ACCOUNT_ID else [_account()]
    return {"object": "list", "data": found, "has_more": False, "url": "/v1/accounts"}
