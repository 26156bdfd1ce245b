"""Minutes that an agency gives a sub-account once: giving them, and reading them."""

from decimal import Decimal
from typing import Annotated
from uuid import UUID

from django.db.models import QuerySet
from django.urls import reverse
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema
from msgspec import UNSET, Meta, UnsetType
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.idempotency import HEADER, SCHEMA, key_of
from accounts.api.rows import NextCursor, NextPage, next_page
from accounts.api.schema import in_path, leads_to, refusals
from accounts.api.shapes import Answer, Moment, Sent, Url, dollars, read
from accounts.api.views import ApiView
from accounts.api.whose import resolve_account
from accounts.errors import NotFound
from accounts.models import Account
from accounts.people import access
from accounts.people.access import Permission
from accounts.runtime.addresses import client_ip
from accounts.runtime.first_rows import first
from wallets.allocations import gifts
from wallets.api.allocation import (
    MINUTES,
    PATH,
    BasicOnce,
    NoAccountQuery,
    PremiumOnce,
    sub_account_of,
)
from wallets.api.fields import (
    CURRENCY,
    CardId,
    Currency,
    Cursor,
    Dollars,
    Limit,
    dollars_text,
    quoted,
)
from wallets.api.purchases import still_deciding
from wallets.cursors import PURCHASE, Place
from wallets.errors import FormReused, PurchaseInProgress
from wallets.models import Purchase
from wallets.prices.amounts import dollars as in_dollars


class GiftShape(Answer):
    """Minutes that an agency gave once, and what became of the charge."""

    id: Annotated[UUID, Meta(description="Ask for it again with this.")]
    account: Annotated[UUID, Meta(description="The sub-account that gets the minutes.")]
    agency: Annotated[UUID, Meta(description="The agency that pays.")]
    state: Annotated[
        Purchase.State,
        Meta(
            description="`created` and `submitted` have no answer yet: ask again. "
            "`requires_action` waits for a person at `action_url`. The last three never change."
        ),
    ]
    basic_minutes: BasicOnce
    premium_minutes: PremiumOnce
    charge: Annotated[Dollars, Meta(description="What the agency's card is charged.")]
    currency: Currency
    card: Annotated[str, Meta(description="For people: kind and last digits.")]
    error_text: Annotated[str, Meta(description="What went wrong, and what helps.")]
    action_url: Annotated[Url | None, Meta(description="Where a person confirms with the bank.")]
    receipt_number: Annotated[int | None, Meta(description="Once it is paid.")]
    created_at: Annotated[Moment, Meta(description="When it was given.")]
    closed_at: Annotated[Moment | None, Meta(description="When its outcome was known.")]


_GIFT = {
    "id": "1d4b8e27-6f3a-4b90-8c52-7e0a9d3f5b33",
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


class NewGift(Sent):
    """Minutes to give, and which card pays them."""

    basic_minutes: Annotated[BasicOnce, MINUTES]
    premium_minutes: Annotated[PremiumOnce, MINUTES]
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
    """A page of what was given to one sub-account."""

    results: Annotated[list[GiftShape], Meta(description="Latest first.")]
    next: NextPage
    next_cursor: NextCursor


class GiftsQuery(Sent):
    cursor: Cursor | UnsetType = UNSET
    limit: Limit = 50


class GiftsView(ApiView):
    @property
    def query_shape(self) -> type[Sent]:
        return GiftsQuery if self.request.method in ("GET", "HEAD") else NoAccountQuery

    @extend_schema(
        operation_id="list_gifts",
        summary="Minutes given to a sub-account once, latest first",
        description="By its agency of today, in every state.",
        parameters=[PATH],
        extensions=leads_to(get_gift={"gift_id": "results/0/id"}),
        tags=["Sub-accounts"],
        responses={200: Gifts, **refusals()},
        examples=[
            OpenApiExample(
                "One",
                value={"results": [_GIFT], "next": None, "next_cursor": None},
                response_only=True,
            )
        ],
    )
    def get(self, request: Request, account_id: UUID) -> Response:
        account = sub_account_of(request, account_id, Permission.SEE)
        found = _gifts().filter(payer=account.agency, wallet__account=account)
        place = Place.read(self.query.cursor or None, of="gifts")
        if place:
            found = found.filter(place.after(PURCHASE))
        limit = self.query.limit
        rows = first(found.order_by("-created_at", "-pk"), limit + 1)
        more, rows = len(rows) > limit, rows[:limit]
        cursor = Place.of(rows[-1]).written(of="gifts") if more else ""
        results = [_shown(one, request) for one in rows]
        return Response(Gifts(results=results, **next_page(request, cursor)))

    @extend_schema(
        operation_id="create_gift",
        extensions=leads_to(get_gift={"gift_id": "id"}),
        summary="Charge the agency's card once, and give a sub-account minutes",
        description="A decline is not an error: the answer's `state` says so. A repeat with the "
        "same Idempotency-Key answers with the first gift as it is now, for ever.",
        tags=["Sub-accounts"],
        parameters=[
            PATH,
            OpenApiParameter(
                HEADER,
                SCHEMA,
                OpenApiParameter.HEADER,
                required=True,
                description="1 to 255 printable ASCII characters of your own, new for every gift.",
            ),
        ],
        request=NewGift,
        responses={
            201: OpenApiResponse(GiftShape, description="A new gift, and what became of it."),
            200: OpenApiResponse(
                GiftShape, description="The gift of an earlier request with this key."
            ),
            **refusals(409, 413, 422),
        },
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
        purchase = _given(request, account, key, body)
        if purchase.is_repeat and purchase.state == Purchase.State.CREATED:
            raise still_deciding(purchase)
        return Response(_shown(purchase, request), status=200 if purchase.is_repeat else 201)


def _given(request: Request, account: Account, key: str, body: NewGift) -> Purchase:
    gift = gifts.Gift(
        basic_minutes=body.basic_minutes,
        premium_minutes=body.premium_minutes,
        payment_method=body.payment_method,
        form_key=key,
        quoted_charge=quoted(body.quoted_charge),
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
        operation_id="get_gift",
        summary="Minutes an agency gave once, as they are now",
        description="Ask again while `state` is `created` or `submitted`.",
        parameters=[in_path("gift_id", "The gift's id.", _GIFT["id"], UUID)],
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
