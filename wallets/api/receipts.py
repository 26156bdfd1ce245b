"""GET receipts: the paper of each paid purchase, with what was given back."""

from datetime import date
from typing import Annotated
from uuid import UUID

import msgspec
from django.db.models import Prefetch, QuerySet
from drf_spectacular.utils import OpenApiExample, extend_schema
from msgspec import UNSET, Meta, UnsetType
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.rows import next_page
from accounts.api.schema import in_path, leads_to, refusals
from accounts.api.shapes import Answer, Moment
from accounts.api.views import ApiView
from accounts.api.whose import resolve_account, resolve_accounts
from accounts.errors import NotFound
from accounts.models import Account, Change
from accounts.runtime.first_rows import first_of_several
from wallets import models
from wallets.api.fields import CURRENCY, Currency, Dollars, check_range, dollars_text
from wallets.api.following import ChangeNumber, Followed, FollowQuery, changed, followed, in_order
from wallets.cursors import PURCHASE, BadCursor, Place
from wallets.months import beginning, end_of
from wallets.prices.amounts import dollars
from wallets.statements import papers


class ReceiptsQuery(FollowQuery):
    since: Annotated[
        date | UnsetType, Meta(description="Paid on this day of the account or later.")
    ] = msgspec.field(name="from", default=UNSET)
    until: Annotated[
        date | UnsetType, Meta(description="Paid on this day of the account or earlier.")
    ] = msgspec.field(name="to", default=UNSET)


class CreditNote(Answer):
    """The paper of one refund."""

    number: Annotated[str, Meta(description="As it stands on the paper.")]
    amount: Annotated[Dollars, Meta(description="What was given back.")]
    refunded_at: Annotated[Moment, Meta(description="When it was given back.")]
    is_void: Annotated[bool, Meta(description="The refund did not arrive after all.")]


class Receipt(Answer):
    """The paper of one paid purchase."""

    number: Annotated[int, Meta(description="As it stands on the paper.")]
    purchase: Annotated[UUID, Meta(description="The id of the purchase that was paid.")]
    account: Annotated[UUID, Meta(description="The account that paid.")]
    amount: Annotated[Dollars, Meta(description="What was paid.")]
    given_back: Annotated[Dollars, Meta(description="By refunds and disputes until now.")]
    net: Annotated[Dollars, Meta(description="`amount` without `given_back`.")]
    currency: Currency
    purpose: Annotated[models.Purchase.Purpose, Meta(description="What the payment was for.")]
    buys: Annotated[models.Purchase.Buys, Meta(description="What it bought.")]
    card: Annotated[str, Meta(description="For people: kind and last digits.")]
    paid_at: Annotated[Moment, Meta(description="When it was paid.")]
    credit_notes: Annotated[list[CreditNote], Meta(description="Oldest first.")]
    sequence: ChangeNumber = UNSET


class Receipts(Followed, kw_only=True):
    """A page of receipts."""

    results: Annotated[
        list[Receipt], Meta(description="Newest first; with `after`, in the order of changes.")
    ]


_PAID = "0b0f6a53-6c2f-4f0b-9f57-0a4a1c6f2c11"
_RECEIPT = {
    "number": 1001,
    "purchase": _PAID,
    "account": "3f0c1d7e-5b1a-4a52-9c38-0d9f0c1f7a11",
    "amount": "50.00",
    "given_back": "10.00",
    "net": "40.00",
    "currency": "USD",
    "purpose": "recharge",
    "buys": "premium",
    "card": "Visa •••• 4242",
    "paid_at": "2026-11-22T09:14:05Z",
    "credit_notes": [
        {
            "number": "CN-1001",
            "amount": "10.00",
            "refunded_at": "2026-11-23T10:00:00Z",
            "is_void": False,
        }
    ],
}
_RECEIPTS = OpenApiExample(
    "One, refunded in part",
    value={"results": [_RECEIPT], "next": None, "next_cursor": None},
    response_only=True,
)


class ReceiptsView(ApiView):
    query_shape = ReceiptsQuery

    @extend_schema(
        operation_id="list_receipts",
        summary="Receipts of paid purchases, newest first",
        description="Each with what was given back since. With `include=sub_accounts`, an "
        "agency's own and those of its sub-accounts. With `after`, those that are new or were "
        "refunded since, in the order in which they changed: ask again with `after` of the "
        "answer, and nothing is missed.",
        tags=["Papers"],
        extensions=leads_to(get_receipt={"purchase_id": "results/0/purchase"}),
        responses={200: Receipts, **refusals()},
        examples=[_RECEIPTS],
    )
    def get(self, request: Request) -> Response:
        query = self.query
        accounts = resolve_accounts(request, with_sub_accounts=bool(query.include))
        zone = accounts[0].zone
        check_range(query.since or None, query.until or None, account=accounts[0])
        payers = [one.pk for one in accounts]
        found = models.Purchase.objects.filter(state=models.Purchase.State.SUCCEEDED)
        found = found.prefetch_related(_REVERSALS).order_by("-closed_at", "-pk")
        if query.since:
            found = found.filter(closed_at__gte=beginning(query.since, zone))
        if query.until:
            found = found.filter(closed_at__lt=end_of(query.until, zone))
        if query.after is not UNSET:
            found = found.filter(payer__in=payers)
            return Response(_followed(request, query, accounts, found))
        place = Place.read(query.cursor or None, of="receipts")
        if place and place.rank != PURCHASE:
            raise BadCursor
        if place:
            found = found.filter(place.after(PURCHASE, moment="closed_at"))
        rows = first_of_several(found, query.limit + 1, field="payer", keys=payers)
        more, rows = len(rows) > query.limit, rows[: query.limit]
        last = Place(rows[-1].closed_at, PURCHASE, rows[-1].pk) if more else None
        cursor = last.written(of="receipts") if last else ""
        results = [_receipt(one) for one in rows]
        return Response(Receipts(results=results, **next_page(request, cursor)))


class ReceiptView(ApiView):
    @extend_schema(
        operation_id="get_receipt",
        summary="The receipt of a purchase, with what was given back",
        description="Only what was paid has one.",
        parameters=[in_path("purchase_id", "The id of the purchase.", _PAID, UUID)],
        tags=["Papers"],
        responses={200: Receipt, **refusals()},
        examples=[OpenApiExample("Refunded in part", value=_RECEIPT, response_only=True)],
    )
    def get(self, request: Request, purchase_id: UUID) -> Response:
        paid = models.Purchase.objects.filter(state=models.Purchase.State.SUCCEEDED)
        paid = paid.filter(payer=resolve_account(request), pk=purchase_id)
        found = paid.prefetch_related(_REVERSALS).first()
        if found is None:
            raise NotFound("There is no such receipt.")
        return Response(_receipt(found))


_REVERSALS = Prefetch("reversals", queryset=models.Reversal.objects.order_by("created_at"))


def _followed(
    request: Request,
    query: ReceiptsQuery,
    accounts: list[Account],
    found: QuerySet[models.Purchase],
) -> Receipts:
    page = changed(query, accounts=accounts, kind=Change.Kind.RECEIPT)
    rows = in_order(page, found.filter(pk__in=page.sequences), id_of=lambda one: one.pk)
    results = [_receipt(one, sequence=number) for one, number in rows]
    return Receipts(results=results, **followed(request, page))


def _receipt(purchase: models.Purchase, *, sequence: int | UnsetType = UNSET) -> Receipt:
    reversals = list(purchase.reversals.all())
    back = sum(one.amount_cents for one in reversals if one.state != "failed")
    return Receipt.of(
        purchase,
        number=purchase.receipt_number,
        purchase=purchase.pk,
        account=purchase.payer_id,
        amount=dollars_text(dollars(purchase.amount_cents)),
        given_back=dollars_text(dollars(back)),
        net=dollars_text(dollars(max(purchase.amount_cents - back, 0))),
        currency=CURRENCY,
        paid_at=purchase.closed_at,
        sequence=sequence,
        credit_notes=[
            CreditNote(
                number=papers.number_of(one),
                amount=dollars_text(dollars(one.amount_cents)),
                refunded_at=one.credit_note_at,
                is_void=one.state == "failed",
            )
            for one in reversals
            if one.credit_note_number
        ],
    )
