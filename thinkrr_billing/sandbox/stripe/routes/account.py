"""The Stripe account of the key, and the pictures of its branding."""

from thinkrr_billing.sandbox.stripe.routes.router import page, route
from thinkrr_billing.sandbox.stripe.state.context import Context
from thinkrr_billing.sandbox.stripe.wire.errors import missing
from thinkrr_billing.sandbox.stripe.wire.params import LISTING

_CREATED = 1_700_000_000


def _account(ctx: Context) -> dict:
    return {
        "id": ctx.account,
        "object": "account",
        "created": _CREATED,
        "business_profile": {
            "mcc": None,
            "minority_owned_business_designation": None,
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
            "url": f"/v1/accounts/{ctx.account}/external_accounts",
        },
        "metadata": {},
        "payouts_enabled": True,
        "settings": {
            "branding": {
                "icon": None,
                "logo": None,
                "primary_color": None,
                "secondary_color": None,
            }
            | ctx.store.meta("branding", {}),
            "card_payments": {
                "statement_descriptor_prefix": None,
                "statement_descriptor_prefix_kana": None,
                "statement_descriptor_prefix_kanji": None,
            },
            "dashboard": {"display_name": "thinkrr (sandbox)", "timezone": "Etc/UTC"},
            "payments": {
                "statement_descriptor": "THINKRR",
                "statement_descriptor_kana": None,
                "statement_descriptor_kanji": None,
                "statement_descriptor_prefix_kana": None,
                "statement_descriptor_prefix_kanji": None,
            },
            "payouts": {
                "debit_negative_balances": False,
                "schedule": {"delay_days": 2, "interval": "daily"},
                "statement_descriptor": None,
            },
        },
        "tos_acceptance": {"date": None, "ip": None, "user_agent": None},
        "type": "standard",
    }


@route("GET", "/v1/account")
def retrieve(ctx: Context) -> dict:
    return _account(ctx)


@route("GET", "/v1/accounts/{id}")
def retrieve_by_id(ctx: Context, id: str) -> dict:
    if id != ctx.account:
        raise missing(kind="account", id=id, param="account")
    return _account(ctx)


@route("GET", "/v1/accounts", {"limit": "int", "starting_after": "str"})
def listing(ctx: Context) -> dict:
    found = [] if ctx.params.get("starting_after") == ctx.account else [_account(ctx)]
    return {"object": "list", "data": found, "has_more": False, "url": "/v1/accounts"}


@route("GET", "/v1/files/{id}")
def retrieve_file(ctx: Context, id: str) -> dict:
    return ctx.get(kind="file", id=id, param="file")


@route("GET", "/v1/files", {**LISTING, "created": "range"})
def list_files(ctx: Context) -> dict:
    return page(ctx, kind="file", url="/v1/files")


@route("GET", "/v1/file_links", {**LISTING, "file": "str"})
def list_file_links(ctx: Context) -> dict:  # noqa: ARG001
    return {"object": "list", "data": [], "has_more": False, "url": "/v1/file_links"}
