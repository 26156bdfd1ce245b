"""POST wallet/recharges, and one of them: paying by an order of a program."""

from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from django.db.models import Prefetch, QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema
from msgspec import UNSET, Meta, UnsetType
from msgspec.structs import asdict
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import shapes
from accounts.api.idempotency import key_of
from accounts.api.rows import next_page
from accounts.api.schema import in_path, leads_to, refusals
from accounts.api.shapes import Sent
from accounts.api.views import AccountQuery, ApiView
from accounts.api.whose import resolve_account, resolve_accounts
from accounts.errors import NotFound
from accounts.models import Account, Change
from accounts.people.access import Permission
from accounts.runtime.first_rows import first_of_several
from wallets import limits, models
from wallets.api.fields import CardId, DayOrMoment, check_range
from wallets.api.following import Followed, FollowQuery, changed, followed, in_order
from wallets.api.purchases import PAID, Purchase, shown, still_deciding
from wallets.balances.opening import open_wallet
from wallets.cursors import PURCHASE, BadCursor, Place
from wallets.errors import PurchaseInProgress
from wallets.models import LedgerEntry
from wallets.months import beginning, end_of
from wallets.recharges import by_hand

# What an amount may buy.
Buys = Literal["premium", "basic", "credit"]


class NewRecharge(Sent):
    """What to charge, and what for."""

    amount: Annotated[
        Decimal,
        shapes.dollars(least=limits.RECHARGE_LEAST, most=limits.RECHARGE_MOST),
        Meta(description=f"Dollars, {limits.RECHARGE_LEAST} to {limits.RECHARGE_MOST}, as a text."),
    ]
    buys: Annotated[
        Buys, Meta(description="Minutes of a type at today's rate, or credit that pays any call.")
    ]
    payment_method: Annotated[CardId, Meta(description="Default: the wallet's.")] = ""


KEY_PARAMETER = OpenApiParameter(
    "Idempotency-Key",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    required=True,
    description="1 to 255 printable ASCII characters of your own, new for every recharge. A "
    "repeat answers with the first recharge as it is now, for ever.",
)
_DECLINED = PAID | {
    "state": "declined",
    "credited": None,
    "error_text": "Visa •••• 4242 was declined: insufficient funds. You were not charged. "
    "Try a smaller amount or another card.",
    "receipt_number": None,
}


class RechargesQuery(FollowQuery):
    state: Annotated[
        list[models.Purchase.State] | UnsetType, Meta(description="May be sent several times.")
    ] = UNSET
    since: Annotated[
        DayOrMoment | UnsetType,
        Meta(description="A day of the account, from its beginning, or a moment."),
    ] = msgspec.field(name="from", default=UNSET)
    until: Annotated[
        DayOrMoment | UnsetType,
        Meta(description="A day of the account, to its end, or a moment, itself excluded."),
    ] = msgspec.field(name="to", default=UNSET)


class Recharges(Followed, kw_only=True):
    """A page of recharges."""

    results: Annotated[
        list[Purchase], Meta(description="Newest first; with `after`, in the order of changes.")
    ]


class RechargesView(ApiView):
    @property
    def query_shape(self) -> type[Sent]:
        return RechargesQuery if self.request.method in ("GET", "HEAD") else AccountQuery

    @extend_schema(
        operation_id="list_recharges",
        summary="Recharges by hand and automatic ones, in every state, newest first",
        description="Also those that were declined or wait for a person. Monthly allocations are "
        "no recharges of the sub-account. With `after`, those that changed since, in the order in "
        "which they changed: ask again with `after` of the answer, and nothing is missed.",
        tags=["Recharges"],
        extensions=leads_to(
            get_recharge={"purchase_id": "results/0/id"},
            get_charge_reason={"purchase_id": "results/0/id"},
        ),
        responses={200: Recharges, **refusals()},
        examples=[
            OpenApiExample(
                "One",
                value={"results": [PAID], "next": None, "next_cursor": None},
                response_only=True,
            )
        ],
    )
    def get(self, request: Request) -> Response:
        query = self.query
        accounts = resolve_accounts(request, with_sub_accounts=bool(query.include))
        found, payers = _found(query, accounts[0]), [one.pk for one in accounts]
        if query.after is not UNSET:
            page = changed(query, accounts=accounts, kind=Change.Kind.RECHARGE)
            found = found.filter(payer__in=payers, pk__in=page.sequences)
            rows = in_order(page, found, id_of=lambda one: one.pk)
            results = [shown(one, request, sequence=number) for one, number in rows]
            return Response(Recharges(results=results, **followed(request, page)))
        place = Place.read(query.cursor or None, of="recharges")
        if place and place.rank != PURCHASE:
            raise BadCursor
        if place:
            found = found.filter(place.after(PURCHASE))
        rows = first_of_several(found, query.limit + 1, field="payer", keys=payers)
        more, rows = len(rows) > query.limit, rows[: query.limit]
        cursor = Place.of(rows[-1]).written(of="recharges") if more else ""
        results = [shown(one, request) for one in rows]
        return Response(Recharges(results=results, **next_page(request, cursor)))

    @extend_schema(
        operation_id="create_recharge",
        summary="Charge a card, and credit what it buys",
        description="A decline is not an error: the answer's `state` says so. 409 while the "
        "first request with this key is still at work, or while another recharge has no outcome "
        "(`fields.purchase` names it); 422 when the key was used with other facts.",
        tags=["Recharges"],
        extensions=leads_to(
            get_recharge={"purchase_id": "id"},
            cancel_recharge={"purchase_id": "id"},
            get_charge_reason={"purchase_id": "id"},
        ),
        parameters=[KEY_PARAMETER],
        request=NewRecharge,
        responses={
            201: OpenApiResponse(Purchase, description="A new recharge, and what became of it."),
            200: OpenApiResponse(
                Purchase, description="The recharge of an earlier request with this key."
            ),
            **refusals(409, 413, 422),
        },
        examples=[
            OpenApiExample(
                "Premium minutes", value={"amount": "50.00", "buys": "premium"}, request_only=True
            ),
            OpenApiExample("Paid", value=PAID, response_only=True, status_codes=["201"]),
            OpenApiExample("Declined", value=_DECLINED, response_only=True, status_codes=["201"]),
            OpenApiExample("Repeated", value=PAID, response_only=True, status_codes=["200"]),
        ],
    )
    def post(self, request: Request) -> Response:
        account = resolve_account(request, permission=Permission.MONEY)
        key = key_of(request)
        body = shapes.read(NewRecharge, request.data)
        try:
            purchase = by_hand.recharge(
                wallet_id=open_wallet(account=account).pk,
                actor=None,
                form_key=key,
                **asdict(body),
            )
        except PurchaseInProgress as error:
            error.fields = {"purchase": str(error.purchase_id)}
            raise
        if purchase.is_repeat and purchase.state == models.Purchase.State.CREATED:
            raise still_deciding(purchase)
        return Response(shown(purchase, request), status=200 if purchase.is_repeat else 201)


class RechargeView(ApiView):
    @extend_schema(
        operation_id="get_recharge",
        summary="A recharge as it is now",
        description="Ask again while `state` is `created` or `submitted`.",
        parameters=[in_path("purchase_id", "The recharge's id.", PAID["id"], UUID)],
        tags=["Recharges"],
        responses={200: Purchase, **refusals()},
        examples=[OpenApiExample("Paid", value=PAID, response_only=True)],
    )
    def get(self, request: Request, purchase_id: UUID) -> Response:
        account = resolve_account(request)
        found = models.Purchase.objects.recharges().filter(payer=account, pk=purchase_id).first()
        if found is None:
            raise NotFound("There is no such recharge.")
        return Response(shown(found, request))


def _found(query: RechargesQuery, account: Account) -> QuerySet[models.Purchase]:
    """Those asked for, newest first, whoever paid. Days are the account's."""
    zone, since, until = account.zone, query.since or None, query.until or None
    check_range(since, until, account=account)
    bought = LedgerEntry.objects.filter(kind__in=["recharge", "auto_recharge"])
    found = models.Purchase.objects.recharges().order_by("-created_at", "-pk")
    found = found.prefetch_related(Prefetch("entries", queryset=bought, to_attr="bought"))
    if query.state:
        found = found.filter(state__in=query.state)
    if since is not None:
        found = found.filter(created_at__gte=beginning(since, zone))
    if until is not None:
        found = found.filter(created_at__lt=end_of(until, zone))
    return found
