"""GET and POST sub-accounts: an agency's, with what they have."""

from django.core.validators import EmailValidator
from django.db import transaction
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.schema import refusals
from accounts.api.strict import StrictCharField, StrictSerializer
from accounts.api.views import AccountQuery, ApiView
from accounts.api.whose import resolve_account
from accounts.models import Account
from accounts.people import access, opening
from accounts.people.access import Permission
from accounts.people.opening import MAX_NAME_LENGTH
from wallets.allocations import sub_accounts
from wallets.api.fields import CurrencyField, DollarsField, PageQuery, next_page, page_of
from wallets.api.wallet import AUTO_RECHARGE_STATUSES, auto_recharge_status
from wallets.balances.opening import open_wallet
from wallets.cursors import Place
from wallets.models import AutoRecharge, Wallet


class SubAccountSerializer(serializers.Serializer):
    id = serializers.UUIDField()
    name = serializers.CharField()
    status = serializers.ChoiceField(choices=Account.Status.choices)
    time_zone = serializers.CharField()
    credit = DollarsField(decimal_places=6)
    currency = CurrencyField()
    premium_seconds = serializers.IntegerField()
    basic_seconds = serializers.IntegerField()
    auto_recharge = serializers.ChoiceField(choices=AUTO_RECHARGE_STATUSES)
    basic_minutes_a_month = serializers.IntegerField(help_text="Of the monthly allocation.")
    premium_minutes_a_month = serializers.IntegerField()
    created_at = serializers.DateTimeField()

    def to_representation(self, account: Account) -> dict[str, object]:
        wallet = getattr(account, "wallet", None) or Wallet(account=account)
        automatic = getattr(wallet, "auto_recharge", None) or AutoRecharge(wallet=wallet)
        allocation = getattr(account, "auto_allocation", None)
        return super().to_representation(
            {
                "id": account.pk,
                "name": account.name,
                "status": account.status,
                "time_zone": account.timezone,
                "credit": wallet.credit,
                "premium_seconds": wallet.premium_seconds,
                "basic_seconds": wallet.basic_seconds,
                "auto_recharge": auto_recharge_status(automatic),
                "basic_minutes_a_month": allocation.basic_minutes if allocation else 0,
                "premium_minutes_a_month": allocation.premium_minutes if allocation else 0,
                "created_at": account.created_at,
            }
        )


SubAccountsSerializer = page_of(SubAccountSerializer, name="SubAccounts")


class NewSubAccountSerializer(StrictSerializer):
    name = StrictCharField(max_length=MAX_NAME_LENGTH)
    owner_email = StrictCharField(
        max_length=254,
        validators=[EmailValidator("Enter an e-mail address, like name@example.com.")],
        help_text="Invited by mail; the owner sets up the card and Auto-Recharge.",
    )


_ROW = {
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
}
_PAGE = {"results": [_ROW], "next": None}
_BODY = {"name": "Northside Dental", "owner_email": "owner@northside.example"}
_NEW = _ROW | {
    "credit": "0.000000",
    "basic_seconds": 0,
    "auto_recharge": "off",
    "basic_minutes_a_month": 0,
}


class SubAccountsView(ApiView):
    @property
    def query_serializer(self) -> type[StrictSerializer]:
        return AccountQuery if self.request.method == "POST" else PageQuery

    @extend_schema(
        operation_id="sub_accounts",
        summary="An agency's sub-accounts, newest first",
        tags=["Sub-accounts"],
        parameters=[PageQuery],
        responses={200: SubAccountsSerializer, **refusals()},
        examples=[OpenApiExample("One", value=_PAGE, response_only=True)],
    )
    def get(self, request: Request) -> Response:
        agency = resolve_account(request)
        access.require_agency(account=agency)
        found = sub_accounts.sub_accounts(agency=agency).order_by("-created_at", "-pk")
        if place := Place.read(self.query.get("cursor")):
            found = found.filter(place.after(place.rank))
        limit = self.query["limit"]
        rows = list(found[: limit + 1])
        more, rows = len(rows) > limit, rows[:limit]
        cursor = Place.of(rows[-1]).written() if more else ""
        page = {"results": rows, "next": next_page(request, cursor)}
        return Response(SubAccountsSerializer(page).data)

    @extend_schema(
        operation_id="add_sub_account",
        summary="Add a sub-account, and invite its owner",
        tags=["Sub-accounts"],
        parameters=[AccountQuery],
        request=NewSubAccountSerializer,
        responses={201: SubAccountSerializer, **refusals(409, 413, 422)},
        examples=[
            OpenApiExample("A new one", value=_BODY, request_only=True),
            OpenApiExample("Added", value=_NEW, response_only=True, status_codes=["201"]),
        ],
    )
    def post(self, request: Request) -> Response:
        agency = resolve_account(request, permission=Permission.MONEY)
        access.require_agency(account=agency)
        body = NewSubAccountSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        with transaction.atomic():
            account = opening.add_sub_account(agency=agency, **body.validated_data)
            open_wallet(account=account)
        return Response(SubAccountSerializer(account).data, status=201)
