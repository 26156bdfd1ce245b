"""Minutes that an agency gives a sub-account once: what they cost, giving them, reading them."""

from decimal import Decimal
from typing import Annotated
from uuid import UUID

from django.db.models import QuerySet
from django.urls import reverse
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from msgspec import UNSET, Meta, UnsetType
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.idempotency import HEADER, SCHEMA, key_of
from accounts.api.schema import refusals
from accounts.api.shapes import Answer, Moment, Sent, Url, dollars, read
from accounts.api.views import ApiView
from accounts.api.whose import resolve_account
from accounts.errors import NotFound
from accounts.models import Account
from accounts.people import access
from accounts.people.access import Permission
from accounts.runtime.addresses import client_ip
from wallets.allocations import gifts
from wallets.api.allocation import Minutes, NoAccountQuery, sub_account_of
from wallets.api.allocation_previews import Line, lines
from wallets.api.fields import CURRENCY, CardId, Currency, Dollars, dollars_text
from wallets.api.purchases import still_deciding
from wallets.errors import FormReused, PurchaseInProgress
from wallets.models import Purchase
from wallets.prices.amounts import dollars as in_dollars

MOST_GIFTS = 100


class GiftShape(Answer):
    id: UUID
    account: Annotated[UUID, Meta(description="The sub-account that gets the minutes.")]
    agency: UUID
    state: Purchase.State
    basic_minutes: int
    premium_minutes: int
    charge: Dollars
    currency: Currency
    card: str
    error_text: Annotated[str, Meta(description="What went wrong, and what helps.")]
    action_url: Annotated[Url | None, Meta(description="Where a person confirms with the bank.")]
    receipt_number: int | None
    created_at: Moment
    closed_at: Moment | None


_GIFT = {
    "id": "0b0f6a53-6c2f-4f0b-9f57-0a4a1c6f2c11",
    "account": "3f0c1d7e-5b1a-4a52-9c38-0d9f0c1f7a11",
    "agency": "7a1d1c5e-2b3c-4d5e-8f90-1a2b3c4d5e6f",
    "state": "succeeded",
    "basic_minutes": 100,
    "premium_minutes": 0,
    "charge": "9.00",
    "currency": "USD",
    "card": "Visa •••• 4242",
    "error_text": "",
    "action_url": None,
    "receipt_number": 1001,
    "created_at": "2026-11-22T09:14:03Z",
    "closed_at": "2026-11-22T09:14:05Z",
}


def _shown(gift: Purchase, request: Request) -> GiftShape:
    waits = gift.state == Purchase.State.REQUIRES_ACTION
    page = reverse("wallets:purchase", args=[gift.pk])
    return GiftShape.of(
        gift,
        account=gift.wallet.account_id,
        agency=gift.payer_id,
        charge=dollars_text(in_dollars(gift.amount_cents)),
        currency=CURRENCY,
        action_url=request.build_absolute_uri(page) if waits else None,
    )


def _gifts() -> QuerySet[Purchase]:
    given = Purchase.objects.filter(purpose="allocation", allocation_run=None)
    return given.select_related("wallet")


class WantedMinutes(Sent):
    basic_minutes: Minutes
    premium_minutes: Minutes


class GiftPreview(Answer):
    basic: Line
    premium: Line
    charge: Annotated[Dollars, Meta(description="Once, now. The minutes do not expire.")]
    currency: Currency


class GiftPreviewView(ApiView):
    query_shape = NoAccountQuery

    @extend_schema(
        operation_id="preview_gift",
        summary="Dry run: what minutes given once would cost",
        description="Nothing is written or charged.",
        tags=["Sub-accounts"],
        request=WantedMinutes,
        responses={200: GiftPreview, **refusals(413, 422)},
        examples=[
            OpenApiExample(
                "100 Basic",
                value={"basic_minutes": 100, "premium_minutes": 0},
                request_only=True,
            ),
            OpenApiExample(
                "The price",
                value={
                    "basic": {"minutes": 100, "rate": "0.090000", "cost": "9.00"},
                    "premium": {"minutes": 0, "rate": "0.160000", "cost": "0.00"},
                    "charge": "9.00",
                    "currency": "USD",
                },
                response_only=True,
            ),
        ],
    )
    def post(self, request: Request, account_id: UUID) -> Response:
        sub_account_of(request, account_id, Permission.ALLOCATE)
        body = read(WantedMinutes, request.data)
        found = gifts.cost(basic_minutes=body.basic_minutes, premium_minutes=body.premium_minutes)
        return Response(
            GiftPreview(**lines(found), charge=dollars_text(found.total), currency=CURRENCY)
        )


class NewGift(Sent):
    basic_minutes: Minutes
    premium_minutes: Minutes
    payment_method: Annotated[CardId, Meta(description="A card of the agency, by its id.")]
    quoted_charge: Annotated[
        Decimal | UnsetType,
        dollars(),
        Meta(description="What you expect to be charged. Another figure is refused with 422."),
    ] = UNSET
    ask: Annotated[
        Annotated[int, Meta(ge=1, le=2**63 - 1)] | UnsetType,
        Meta(description="The ask that this answers, by its id."),
    ] = UNSET


class Gifts(Answer):
    results: list[GiftShape]


class GiftsView(ApiView):
    query_shape = NoAccountQuery

    @extend_schema(
        operation_id="gifts",
        summary="Minutes given to a sub-account once, the latest 100",
        tags=["Sub-accounts"],
        responses={200: Gifts, **refusals()},
        examples=[OpenApiExample("One", value={"results": [_GIFT]}, response_only=True)],
    )
    def get(self, request: Request, account_id: UUID) -> Response:
        account = sub_account_of(request, account_id, Permission.SEE)
        found = _gifts().filter(payer=account.agency, wallet__account=account)
        rows = found.order_by("-created_at", "-pk")[:MOST_GIFTS]
        return Response(Gifts([_shown(one, request) for one in rows]))

    @extend_schema(
        operation_id="give_minutes",
        summary="Charge the agency's card once, and give a sub-account minutes",
        description="A decline is not an error: the answer's `state` says so. A repeat with the "
        "same Idempotency-Key answers with the first gift as it is now, for ever.",
        tags=["Sub-accounts"],
        parameters=[
            OpenApiParameter(
                HEADER,
                SCHEMA,
                OpenApiParameter.HEADER,
                required=True,
                description="1 to 255 printable ASCII characters of your own, new for every gift.",
            )
        ],
        request=NewGift,
        responses={201: GiftShape, 200: GiftShape, **refusals(409, 413, 422)},
        examples=[
            OpenApiExample(
                "100 Basic",
                value={
                    "basic_minutes": 100,
                    "premium_minutes": 0,
                    "payment_method": "pm_1Q2w3E4r5T",
                },
                request_only=True,
            ),
            OpenApiExample("Given", value=_GIFT, response_only=True, status_codes=["201"]),
            OpenApiExample("Repeated", value=_GIFT, response_only=True, status_codes=["200"]),
        ],
    )
    def post(self, request: Request, account_id: UUID) -> Response:
        account = sub_account_of(request, account_id, Permission.ALLOCATE)
        key, body = key_of(request), read(NewGift, request.data)
        repeated = Purchase.objects.filter(payer=account.agency, form_key=key).exists()
        purchase = _given(request, account, key, body)
        if repeated and purchase.state == Purchase.State.CREATED:
            raise still_deciding(purchase)
        return Response(_shown(purchase, request), status=200 if repeated else 201)


def _given(request: Request, account: Account, key: str, body: NewGift) -> Purchase:
    gift = gifts.Gift(
        basic_minutes=body.basic_minutes,
        premium_minutes=body.premium_minutes,
        payment_method=body.payment_method,
        form_key=key,
        quoted_charge=body.quoted_charge or None,
        ask_id=body.ask or None,
    )
    try:
        return gifts.give(
            account=account,
            agency=account.agency,
            actor=None,
            gift=gift,
            address=client_ip(request),
        )
    except FormReused:
        raise FormReused("This key was used for another payment. Send a new one.") from None
    except PurchaseInProgress as error:
        error.fields = {"purchase": str(error.purchase_id)}
        raise


class GiftView(ApiView):
    @extend_schema(
        operation_id="gift",
        summary="Minutes an agency gave once, as they are now",
        tags=["Sub-accounts"],
        responses={200: GiftShape, **refusals()},
        examples=[OpenApiExample("Given", value=_GIFT, response_only=True)],
    )
    def get(self, request: Request, gift_id: UUID) -> Response:
        agency = resolve_account(request)
        access.require_agency(account=agency)
        found = _gifts().filter(payer=agency, pk=gift_id).first()
        if found is None:
            raise NotFound("There is no such gift.")
        return Response(_shown(found, request))
