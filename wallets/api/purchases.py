"""A purchase as the API answers it: one charge of a card, and what became of it."""

from decimal import Decimal
from typing import Annotated
from uuid import UUID

from django.urls import reverse
from msgspec import UNSET, Meta, UnsetType
from rest_framework.request import Request

from accounts.api.shapes import Answer, Moment, Url
from accounts.limits import REPEAT_AFTER_SECONDS
from wallets import models
from wallets.api.fields import CURRENCY, Currency, Dollars, dollars_text
from wallets.api.following import ChangeNumber
from wallets.errors import PurchaseInProgress
from wallets.models import LedgerEntry
from wallets.prices.amounts import dollars


class Credited(Answer):
    """What a purchase put into the wallet."""

    credit: Annotated[Dollars, Meta(description="Dollars of credit.")]
    premium_seconds: Annotated[int, Meta(description="Seconds of Premium minutes.")]
    basic_seconds: Annotated[int, Meta(description="Seconds of Basic minutes.")]


class Purchase(Answer):
    """One charge of a card, and what became of it."""

    id: Annotated[UUID, Meta(description="Ask for it again with this.")]
    account: Annotated[UUID, Meta(description="The account that pays.")]
    purpose: Annotated[models.Purchase.Purpose, Meta(description="What the charge is for.")]
    state: Annotated[
        models.Purchase.State,
        Meta(
            description="`created` and `submitted` have no answer yet: ask again. "
            "`requires_action` waits for a person at `action_url`. The last three never change."
        ),
    ]
    amount: Annotated[Dollars, Meta(description="What the card is charged.")]
    currency: Currency
    buys: Annotated[models.Purchase.Buys, Meta(description="What it buys.")]
    rate: Annotated[Dollars | None, Meta(description="Per minute, frozen.")]
    credited: Annotated[
        Credited | None, Meta(description="What it put into the wallet, once it succeeded.")
    ]
    card: Annotated[str, Meta(description="For people: kind and last digits.")]
    error_text: Annotated[str, Meta(description="What went wrong, and what helps.")]
    action_url: Annotated[Url | None, Meta(description="Where a person confirms with the bank.")]
    receipt_number: Annotated[int | None, Meta(description="Once it is paid.")]
    created_at: Annotated[Moment, Meta(description="When it was ordered.")]
    closed_at: Annotated[Moment | None, Meta(description="When its outcome was known.")]
    sequence: ChangeNumber = UNSET


def shown(
    purchase: models.Purchase, request: Request, *, sequence: int | UnsetType = UNSET
) -> Purchase:
    """A purchase as the API answers it; in a list that is followed, with its number."""
    waits = purchase.state == models.Purchase.State.REQUIRES_ACTION
    page = reverse("wallets:purchase", args=[purchase.pk])
    rate = getattr(purchase, f"{purchase.buys}_rate", None)
    return Purchase.of(
        purchase,
        account=purchase.payer_id,
        amount=dollars_text(dollars(purchase.amount_cents)),
        currency=CURRENCY,
        rate=None if rate is None else dollars_text(rate, decimal_places=6),
        credited=_credited(purchase),
        action_url=request.build_absolute_uri(page) if waits else None,
        sequence=sequence,
    )


def _credited(purchase: models.Purchase) -> Credited | None:
    if purchase.state != models.Purchase.State.SUCCEEDED:
        return None
    bought = getattr(purchase, "bought", None)
    if bought is None:
        bought = LedgerEntry.objects.filter(purchase=purchase, kind=purchase.purpose)
    pots = {entry.pot: entry.amount for entry in bought}
    return Credited(
        credit=dollars_text(pots.get("credit", Decimal(0)), decimal_places=6),
        premium_seconds=int(pots.get("premium", 0)),
        basic_seconds=int(pots.get("basic", 0)),
    )


PAID = {
    "id": "0b0f6a53-6c2f-4f0b-9f57-0a4a1c6f2c11",
    "account": "3f0c1d7e-5b1a-4a52-9c38-0d9f0c1f7a11",
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


def still_deciding(purchase: models.Purchase) -> PurchaseInProgress:
    """The refusal of a repeat that comes while the first request is at work."""
    error = PurchaseInProgress(
        "The first request with this key is still at work. Ask again in a few seconds.",
        purchase_id=purchase.pk,
    )
    error.fields = {"purchase": str(purchase.pk)}
    error.retry_after = REPEAT_AFTER_SECONDS
    return error
