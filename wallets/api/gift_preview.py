"""Dry run of minutes that an agency gives once: what they would cost."""

from typing import Annotated
from uuid import UUID

from drf_spectacular.utils import OpenApiExample, extend_schema
from msgspec import Meta
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.schema import refusals
from accounts.api.shapes import Answer, Sent, read
from accounts.api.views import ApiView
from accounts.people.access import Permission
from wallets.allocations import gifts
from wallets.api.allocation import (
    MINUTES,
    PATH,
    BasicOnce,
    NoAccountQuery,
    PremiumOnce,
    sub_account_of,
)
from wallets.api.allocation_previews import Line, lines
from wallets.api.fields import CURRENCY, Currency, Dollars, dollars_text


class WantedMinutes(Sent):
    """Minutes as they would be given."""

    basic_minutes: Annotated[BasicOnce, MINUTES]
    premium_minutes: Annotated[PremiumOnce, MINUTES]


class GiftPreview(Answer):
    """What minutes given once would cost."""

    basic: Annotated[Line, Meta(description="The Basic minutes.")]
    premium: Annotated[Line, Meta(description="The Premium minutes.")]
    charge: Annotated[Dollars, Meta(description="Once, now. The minutes do not expire.")]
    currency: Currency


class GiftPreviewView(ApiView):
    query_shape = NoAccountQuery

    @extend_schema(
        operation_id="preview_gift",
        summary="Dry run: what minutes given once would cost",
        description="Nothing is written or charged.",
        parameters=[PATH],
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
