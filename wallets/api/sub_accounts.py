"""GET and POST sub-accounts: an agency's, with what they have."""

from typing import Annotated
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator
from drf_spectacular.utils import OpenApiExample, extend_schema
from msgspec import Meta
from msgspec.structs import asdict
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.idempotency import once
from accounts.api.rows import NextCursor, NextPage, next_page
from accounts.api.schema import leads_to, refusals
from accounts.api.shapes import Answer, Moment, Sent, Wrong, convert, read
from accounts.api.views import AccountQuery, ApiView
from accounts.api.whose import resolve_account
from accounts.models import Account
from accounts.people import access
from accounts.people.access import Permission
from accounts.people.opening import MAX_NAME_LENGTH
from wallets.allocations import sub_accounts
from wallets.api.fields import CURRENCY, Currency, Dollars, PageQuery, dollars_text
from wallets.api.wallet import AutoRechargeStatus, auto_recharge_status
from wallets.balances import opening
from wallets.cursors import Place
from wallets.models import AutoRecharge, Wallet


class SubAccount(Answer):
    """A sub-account, and how its wallet stands."""

    id: Annotated[UUID, Meta(description="Send it as `account` to mean this sub-account.")]
    name: Annotated[str, Meta(description="As the agency calls it.")]
    status: Annotated[Account.Status, Meta(description="Closed ones can be read only.")]
    time_zone: Annotated[str, Meta(description="Where its days begin, like America/New_York.")]
    credit: Annotated[Dollars, Meta(description="May be negative.")]
    currency: Currency
    premium_seconds: Annotated[int, Meta(description="Seconds of Premium minutes.")]
    basic_seconds: Annotated[int, Meta(description="Seconds of Basic minutes.")]
    auto_recharge: AutoRechargeStatus
    basic_minutes_a_month: Annotated[int, Meta(description="Of the monthly allocation.")]
    premium_minutes_a_month: Annotated[int, Meta(description="Of the monthly allocation.")]
    created_at: Annotated[Moment, Meta(description="When it was added.")]
    archived_at: Annotated[
        Moment | None, Meta(description="Out of its agency's sight and work since then.")
    ]


class SubAccounts(Answer):
    """A page of sub-accounts."""

    results: Annotated[list[SubAccount], Meta(description="Newest first.")]
    next: NextPage
    next_cursor: NextCursor


def shown(account: Account) -> SubAccount:
    """A sub-account as the API answers it."""
    wallet = getattr(account, "wallet", None) or Wallet(account=account)
    automatic = getattr(wallet, "auto_recharge", None) or AutoRecharge(wallet=wallet)
    allocation = getattr(account, "auto_allocation", None)
    return SubAccount.of(
        account,
        time_zone=account.timezone,
        credit=dollars_text(wallet.credit, decimal_places=6),
        currency=CURRENCY,
        premium_seconds=wallet.premium_seconds,
        basic_seconds=wallet.basic_seconds,
        auto_recharge=auto_recharge_status(automatic),
        basic_minutes_a_month=allocation.basic_minutes if allocation else 0,
        premium_minutes_a_month=allocation.premium_minutes if allocation else 0,
    )


_check_email = EmailValidator("Enter an e-mail address, like name@example.com.")


def _read_email(given: object) -> str:
    address = convert(given, Annotated[str, Meta(min_length=1, max_length=254)])
    try:
        _check_email(address)
    except ValidationError as error:
        raise Wrong(error.message) from None
    return address


Email = Annotated[
    str,
    Meta(max_length=254, extra={"read": _read_email}, extra_json_schema={"format": "email"}),
]


class NewSubAccount(Sent):
    """A sub-account to add."""

    name: Annotated[
        str,
        Meta(min_length=1, max_length=MAX_NAME_LENGTH, description="Of the business it is for."),
    ]
    owner_email: Annotated[
        str,
        Meta(
            description="Invited by mail; the owner sets up the card and Auto-Recharge.",
            max_length=254,
            extra={"read": _read_email},
            extra_json_schema={"format": "email"},
        ),
    ]


ROW = {
    "id": "3f0c1d7e-5b1a-4a52-9c38-0d9f0c1f7a11",
    "name": "Northside Dental",
    "status": "active",
    "time_zone": "America/New_York",
    "credit": "8.200000",
    "currency": "USD",
    "premium_seconds": 0,
    "basic_seconds": 30000,
    "auto_recharge": "on",
    "basic_minutes_a_month": 500,
    "premium_minutes_a_month": 0,
    "created_at": "2026-08-01T09:00:00Z",
    "archived_at": None,
}
_PAGE = {"results": [ROW], "next": None, "next_cursor": None}
_BODY = {"name": "Northside Dental", "owner_email": "owner@northside.example"}
_NEW = ROW | {
    "credit": "0.000000",
    "basic_seconds": 0,
    "auto_recharge": "off",
    "basic_minutes_a_month": 0,
}


class SubAccountsView(ApiView):
    @property
    def query_shape(self) -> type[Sent]:
        return AccountQuery if self.request.method == "POST" else PageQuery

    @extend_schema(
        operation_id="list_sub_accounts",
        summary="An agency's sub-accounts, newest first",
        description="Closed ones, too. For keys of the agency and of the platform.",
        tags=["Sub-accounts"],
        extensions=leads_to(
            get_sub_account={"account_id": "results/0/id"},
            get_auto_allocation={"account_id": "results/0/id"},
        ),
        responses={200: SubAccounts, **refusals()},
        examples=[OpenApiExample("One", value=_PAGE, response_only=True)],
    )
    def get(self, request: Request) -> Response:
        agency = resolve_account(request)
        access.require_agency(account=agency)
        found = sub_accounts.sub_accounts(agency=agency).order_by("-created_at", "-pk")
        if place := Place.read(self.query.cursor or None):
            found = found.filter(place.after(place.rank))
        limit = self.query.limit
        rows = list(found[: limit + 1])
        more, rows = len(rows) > limit, rows[:limit]
        cursor = Place.of(rows[-1]).written() if more else ""
        results = [shown(one) for one in rows]
        return Response(SubAccounts(results=results, **next_page(request, cursor)))

    @extend_schema(
        operation_id="add_sub_account",
        summary="Add a sub-account, and invite its owner",
        description="It begins with an empty wallet. The owner is sent an invitation by mail; a "
        "repeat adds another sub-account.",
        tags=["Sub-accounts"],
        extensions=leads_to(
            get_sub_account={"account_id": "id"},
            get_auto_allocation={"account_id": "id"},
            set_auto_allocation={"account_id": "id"},
            get_owner_seat={"account_id": "id"},
        ),
        request=NewSubAccount,
        responses={201: SubAccount, **refusals(409, 413, 422)},
        examples=[
            OpenApiExample("A new one", value=_BODY, request_only=True),
            OpenApiExample("Added", value=_NEW, response_only=True, status_codes=["201"]),
        ],
    )
    @once
    def post(self, request: Request) -> Response:
        agency = resolve_account(request, permission=Permission.MONEY)
        access.require_agency(account=agency)
        body = read(NewSubAccount, request.data)
        account = opening.add_sub_account(agency=agency, **asdict(body))
        return Response(shown(account), status=201)
