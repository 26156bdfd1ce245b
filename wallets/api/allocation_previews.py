"""Dry run of a monthly allocation, and what minutes cost."""

from datetime import date
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from drf_spectacular.utils import OpenApiExample, extend_schema
from msgspec import Meta
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.schema import refusals
from accounts.api.shapes import Answer, Sent, read
from accounts.api.views import ApiView
from accounts.models import Account
from accounts.people.access import Permission
from wallets.allocations import configure
from wallets.allocations.terms import Wish, check_card, stop_text
from wallets.api.allocation import (
    MINUTES,
    PATH,
    BasicMinutes,
    NoAccountQuery,
    PremiumMinutes,
    sub_account_of,
)
from wallets.api.fields import CURRENCY, CardId, Currency, Dollars, dollars_text
from wallets.errors import InvalidAmount
from wallets.models import AutoAllocation
from wallets.prices.estimates import Estimate, estimate


class WantedAllocation(Sent):
    """As it would be set."""

    basic_minutes: Annotated[BasicMinutes, MINUTES]
    premium_minutes: Annotated[PremiumMinutes, MINUTES]
    payment_method: Annotated[CardId, Meta(description="Checked where it is sent.")] = ""
    start_date: Annotated[
        date | None, Meta(description="The first charge. Default: as soon as possible.")
    ] = None


class Line(Answer):
    """What the minutes of one type cost."""

    minutes: Annotated[int, Meta(description="How many.")]
    rate: Annotated[Dollars, Meta(description="Per minute, now.")]
    cost: Annotated[Dollars, Meta(description="Of all of them.")]


class AllocationPreview(Answer):
    """What an allocation would cost."""

    basic: Annotated[Line, Meta(description="The Basic minutes.")]
    premium: Annotated[Line, Meta(description="The Premium minutes.")]
    monthly_charge: Annotated[Dollars, Meta(description="At today's rates.")]
    charge_now: Annotated[Dollars, Meta(description="What setting it charges today.")]
    currency: Currency
    text: Annotated[str, Meta(description="For people: when the first charge is made.")]
    first_charge: Annotated[
        date | None, Meta(description="Its due date, in the agency's time zone; null: it stops.")
    ]
    next_charges: Annotated[list[date], Meta(description="The first and those after it.")]


_PREVIEW = {
    "basic": {"minutes": 500, "rate": "0.090000", "cost": "45.00"},
    "premium": {"minutes": 1000, "rate": "0.160000", "cost": "160.00"},
    "monthly_charge": "205.00",
    "charge_now": "205.00",
    "currency": "USD",
    "text": "First charge today, $205.00, then monthly on the 22nd.",
    "first_charge": "2026-11-22",
    "next_charges": ["2026-11-22", "2026-12-22"],
}


def lines(found: Estimate) -> dict[str, Line]:
    """What minutes of each type cost."""
    return {
        name: Line(
            getattr(found, f"{name}_minutes"),
            dollars_text(getattr(found, f"{name}_rate"), decimal_places=6),
            dollars_text(getattr(found, name), decimal_places=2),
        )
        for name in ("basic", "premium")
    }


class AllocationPreviewView(ApiView):
    query_shape = NoAccountQuery

    @extend_schema(
        operation_id="preview_auto_allocation",
        summary="Dry run: what an allocation would cost each month, and what is charged today",
        description="By the rules of setting it; nothing is written or charged. What could not be "
        "set is refused in the same way.",
        parameters=[PATH],
        tags=["Sub-accounts"],
        request=WantedAllocation,
        responses={200: AllocationPreview, **refusals(409, 413, 422)},
        examples=[
            OpenApiExample(
                "500 Basic, 1,000 Premium",
                value={"basic_minutes": 500, "premium_minutes": 1000},
                request_only=True,
            ),
            OpenApiExample("The estimate", value=_PREVIEW, response_only=True),
        ],
    )
    def post(self, request: Request, account_id: UUID) -> Response:
        account = sub_account_of(request, account_id, Permission.ALLOCATE)
        body = read(WantedAllocation, request.data)
        wish = Wish(body.basic_minutes, body.premium_minutes, body.payment_method, body.start_date)
        return Response(_stopped(account) if wish.is_nothing else _previewed(account, wish))


def _stopped(account: Account) -> AllocationPreview:
    if not AutoAllocation.objects.filter(account=account, active=True).exists():
        message = "Enter minutes for at least one type."
        raise InvalidAmount(message, fields={"basic_minutes": message})
    nothing = estimate(basic_minutes=0, premium_minutes=0)
    zero = dollars_text(Decimal(0))
    return AllocationPreview(
        **lines(nothing),
        monthly_charge=zero,
        charge_now=zero,
        currency=CURRENCY,
        text=stop_text(account),
        first_charge=None,
        next_charges=[],
    )


def _previewed(account: Account, wish: Wish) -> AllocationPreview:
    found = configure.preview(
        account=account,
        agency=account.agency,
        basic_minutes=wish.basic_minutes,
        premium_minutes=wish.premium_minutes,
        start_date=wish.start_date,
        payment_method=wish.payment_method,
    )
    if found.problem:
        raise InvalidAmount(found.problem, fields={found.problem_field: found.problem})
    if wish.payment_method:
        check_card(agency=account.agency, wish=wish)
    return AllocationPreview(
        **lines(found.estimate),
        monthly_charge=dollars_text(found.estimate.total),
        charge_now=dollars_text(found.charge_now),
        currency=CURRENCY,
        text=found.text,
        first_charge=found.first_charge,
        next_charges=list(found.charge_days),
    )
