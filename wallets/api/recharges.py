"""POST wallet/recharges, and one of them: paying by an order of a program."""

import re
from decimal import Decimal
from uuid import UUID

from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.schema import refusals
from accounts.api.strict import AmountField, StrictCharField, StrictChoiceField, StrictSerializer
from accounts.api.views import AccountQuery, ApiView
from accounts.api.whose import resolve_account
from accounts.errors import NotFound
from accounts.people.access import Permission
from wallets import limits
from wallets.api.fields import CurrencyField, DollarsField
from wallets.balances.opening import open_wallet
from wallets.errors import PurchaseInProgress
from wallets.models import LedgerEntry, Purchase
from wallets.prices.amounts import dollars
from wallets.recharges import by_hand

BUYS = ("premium", "basic", "credit")
_KEY = re.compile(r"[!-~](?:[ -~]{0,253}[!-~])?", re.ASCII)


class CreditedSerializer(serializers.Serializer):
    credit = DollarsField(decimal_places=6)
    premium_seconds = serializers.IntegerField()
    basic_seconds = serializers.IntegerField()


class PurchaseSerializer(serializers.Serializer):
    id = serializers.UUIDField()
    purpose = serializers.ChoiceField(choices=Purchase.Purpose.choices)
    state = serializers.ChoiceField(
        choices=Purchase.State.choices,
        help_text="`created` and `submitted` have no answer yet: ask again. `requires_action` "
        "waits for a person at `action_url`. The last three never change.",
    )
    amount = DollarsField(help_text="What the card is charged.")
    currency = CurrencyField()
    buys = serializers.ChoiceField(choices=Purchase.Buys.choices)
    rate = DollarsField(decimal_places=6, allow_null=True, help_text="Per minute, frozen.")
    credited = CreditedSerializer(
        allow_null=True, help_text="What it put into the wallet, once it succeeded."
    )
    card = serializers.CharField()
    error_text = serializers.CharField(help_text="What went wrong, and what helps.")
    action_url = serializers.URLField(
        allow_null=True, help_text="Where a person confirms with the bank."
    )
    receipt_number = serializers.IntegerField(allow_null=True)
    created_at = serializers.DateTimeField()
    closed_at = serializers.DateTimeField(allow_null=True)

    def to_representation(self, purchase: Purchase) -> dict[str, object]:
        waits = purchase.state == Purchase.State.REQUIRES_ACTION
        page = reverse("wallets:purchase", args=[purchase.pk])
        shown = {
            name: getattr(purchase, name)
            for name in self.fields
            if name not in ("amount", "currency", "rate", "credited", "action_url")
        }
        shown |= {
            "amount": dollars(purchase.amount_cents),
            "rate": getattr(purchase, f"{purchase.buys}_rate", None),
            "credited": _credited(purchase),
            "action_url": self.context["request"].build_absolute_uri(page) if waits else None,
        }
        return super().to_representation(shown)


def _credited(purchase: Purchase) -> dict[str, Decimal | int] | None:
    if purchase.state != Purchase.State.SUCCEEDED:
        return None
    bought = LedgerEntry.objects.filter(purchase=purchase, kind=purchase.purpose)
    pots = dict(bought.values_list("pot", "amount"))
    return {
        "credit": pots.get("credit", Decimal(0)),
        "premium_seconds": int(pots.get("premium", 0)),
        "basic_seconds": int(pots.get("basic", 0)),
    }


class NewRechargeSerializer(StrictSerializer):
    amount = AmountField(min_value=limits.RECHARGE_LEAST, max_value=limits.RECHARGE_MOST)
    buys = StrictChoiceField(choices=BUYS)
    payment_method = StrictCharField(
        required=False, default="", allow_blank=True, help_text="Default: the wallet's."
    )


_KEY_PARAMETER = OpenApiParameter(
    "Idempotency-Key",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    required=True,
    description="1 to 255 printable ASCII characters of your own, new for every recharge. A "
    "repeat answers with the first recharge as it is now, for ever.",
)
_PAID = {
    "id": "0b0f6a53-6c2f-4f0b-9f57-0a4a1c6f2c11",
    "purpose": "recharge",
    "state": "succeeded",
    "amount": "50.00",
    "currency": "USD",
    "buys": "premium",
    "rate": "0.160000",
    "credited": {"credit": "0.000000", "premium_seconds": 18750, "basic_seconds": 0},
    "card": "Visa •••• 4242",
    "error_text": "",
    "action_url": None,
    "receipt_number": 1001,
    "created_at": "2026-11-22T09:14:03Z",
    "closed_at": "2026-11-22T09:14:05Z",
}
_DECLINED = _PAID | {
    "state": "declined",
    "credited": None,
    "error_text": "Visa •••• 4242 was declined: insufficient funds. You were not charged. "
    "Try a smaller amount or another card.",
    "receipt_number": None,
}


class RechargesView(ApiView):
    @extend_schema(
        operation_id="recharge",
        summary="Charge a card, and credit what it buys",
        description="A decline is not an error: the answer's `state` says so. 409 while the "
        "first request with this key is still at work, or while another recharge has no outcome "
        "(`fields.purchase` names it); 422 when the key was used with other facts.",
        tags=["Recharges"],
        parameters=[AccountQuery, _KEY_PARAMETER],
        request=NewRechargeSerializer,
        responses={
            201: PurchaseSerializer,
            200: PurchaseSerializer,
            **refusals(409, 413, 422, 503),
        },
        examples=[
            OpenApiExample(
                "Premium minutes", value={"amount": "50.00", "buys": "premium"}, request_only=True
            ),
            OpenApiExample("Paid", value=_PAID, response_only=True, status_codes=["201"]),
            OpenApiExample("Declined", value=_DECLINED, response_only=True, status_codes=["201"]),
            OpenApiExample("Repeated", value=_PAID, response_only=True, status_codes=["200"]),
        ],
    )
    def post(self, request: Request) -> Response:
        account = resolve_account(request, permission=Permission.MONEY)
        key = _key_of(request)
        body = NewRechargeSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        repeated = Purchase.objects.filter(payer=account, form_key=key).exists()
        try:
            purchase = by_hand.recharge(
                wallet_id=open_wallet(account=account).pk,
                actor=None,
                form_key=key,
                **body.validated_data,
            )
        except PurchaseInProgress as error:
            error.fields = {"purchase": str(error.purchase_id)}
            raise
        if repeated and purchase.state == Purchase.State.CREATED:
            raise _still_deciding(purchase)
        shown = PurchaseSerializer(purchase, context={"request": request}).data
        return Response(shown, status=200 if repeated else 201)


class RechargeView(ApiView):
    @extend_schema(
        operation_id="recharge_by_id",
        summary="A recharge as it is now",
        tags=["Recharges"],
        parameters=[AccountQuery],
        responses={200: PurchaseSerializer, **refusals()},
        examples=[OpenApiExample("Paid", value=_PAID, response_only=True)],
    )
    def get(self, request: Request, purchase_id: UUID) -> Response:
        account = resolve_account(request)
        found = Purchase.objects.recharges().filter(payer=account, pk=purchase_id).first()
        if found is None:
            raise NotFound("There is no such recharge.")
        return Response(PurchaseSerializer(found, context={"request": request}).data)


def _key_of(request: Request) -> str:
    key = request.headers.get("Idempotency-Key", "")
    if not _KEY.fullmatch(key):
        raise serializers.ValidationError(
            {"Idempotency-Key": ["Send this header with 1 to 255 printable ASCII characters."]}
        )
    return key


def _still_deciding(purchase: Purchase) -> PurchaseInProgress:
    error = PurchaseInProgress(
        "The first request with this key is still at work. Ask again in a few seconds.",
        purchase_id=purchase.pk,
    )
    error.fields = {"purchase": str(purchase.pk)}
    return error
