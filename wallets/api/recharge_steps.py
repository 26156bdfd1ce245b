"""Around a recharge: what an amount would buy, and giving up one that waits for the bank."""

from typing import Annotated
from uuid import UUID

from drf_spectacular.utils import OpenApiExample, extend_schema
from msgspec import Meta
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import shapes
from accounts.api.idempotency import once_in_steps
from accounts.api.schema import in_path, refusals
from accounts.api.shapes import Answer
from accounts.api.views import ApiView
from accounts.api.whose import resolve_account
from accounts.errors import NotFound
from accounts.people.access import Permission
from wallets import models
from wallets.api.fields import CURRENCY, Currency, Dollars, dollars_text
from wallets.api.purchases import PAID, Purchase, shown
from wallets.api.recharges import Buys, NewRecharge
from wallets.balances.opening import open_wallet
from wallets.recharges import by_hand


class Quote(Answer):
    """What an amount would buy now."""

    amount: Annotated[Dollars, Meta(description="What the card would be charged.")]
    currency: Currency
    buys: Annotated[Buys, Meta(description="What it would buy.")]
    rate: Annotated[Dollars | None, Meta(description="Per minute, now; null for credit.")]
    debt: Annotated[Dollars, Meta(description="What of it pays a negative balance first.")]
    seconds: Annotated[int, Meta(description="Of the minutes it buys.")]
    credit: Annotated[Dollars, Meta(description="What of it becomes credit.")]
    auto_recharge: Annotated[
        Dollars,
        Meta(description="What Auto-Recharge would charge on top, as credit stays low."),
    ]


_QUOTE = {
    "amount": "50.00",
    "currency": "USD",
    "buys": "premium",
    "rate": "0.160000",
    "debt": "0.00",
    "seconds": 18750,
    "credit": "0.000000",
    "auto_recharge": "0.00",
}


class QuoteView(ApiView):
    @extend_schema(
        operation_id="preview_recharge",
        summary="Dry run: what an amount would buy now",
        description="By the rules of a recharge; nothing is written or charged. What could not be "
        "charged is refused in the same way.",
        tags=["Recharges"],
        request=NewRecharge,
        responses={200: Quote, **refusals(409, 413, 422)},
        examples=[
            OpenApiExample(
                "Premium minutes", value={"amount": "50.00", "buys": "premium"}, request_only=True
            ),
            OpenApiExample("The quote", value=_QUOTE, response_only=True),
        ],
    )
    def post(self, request: Request) -> Response:
        account = resolve_account(request, permission=Permission.MONEY)
        body = shapes.read(NewRecharge, request.data)
        found = by_hand.quote(
            wallet_id=open_wallet(account=account).pk,
            amount=body.amount,
            buys=body.buys,
            payment_method=body.payment_method,
        )
        return Response(_shown(found))


def _shown(found: by_hand.Quote) -> Quote:
    return Quote.of(
        found,
        amount=dollars_text(found.amount),
        currency=CURRENCY,
        rate=None if found.rate is None else dollars_text(found.rate, decimal_places=6),
        debt=dollars_text(found.debt),
        credit=dollars_text(found.credit, decimal_places=6),
        auto_recharge=dollars_text(found.auto_recharge),
    )


class CancelView(ApiView):
    @extend_schema(
        operation_id="cancel_recharge",
        summary="Give up a recharge that waits for the bank",
        description="One that was decided meanwhile is answered as it is. May be repeated.",
        parameters=[in_path("purchase_id", "The recharge's id.", PAID["id"], UUID)],
        tags=["Recharges"],
        request=None,
        responses={200: Purchase, **refusals(409, 413, 422, 503)},
        examples=[
            OpenApiExample(
                "Canceled",
                value=PAID | {"state": "canceled", "credited": None, "receipt_number": None},
                response_only=True,
            )
        ],
    )
    @once_in_steps
    def post(self, request: Request, purchase_id: UUID) -> Response:
        account = resolve_account(request, permission=Permission.MONEY)
        rows = models.Purchase.objects.recharges().filter(payer=account)
        if not rows.filter(pk=purchase_id).exists():
            raise NotFound("There is no such recharge.")
        return Response(shown(by_hand.cancel_waiting(purchase_id=purchase_id), request))
