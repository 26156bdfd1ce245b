"""Saved cards: reading them, and choosing the default and the backup."""

from typing import Annotated

from drf_spectacular.utils import OpenApiExample, extend_schema
from msgspec import Meta
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.idempotency import once
from accounts.api.schema import refusals
from accounts.api.shapes import Answer, Sent, read
from accounts.api.views import ApiView
from accounts.api.whose import resolve_account
from accounts.models import Account
from accounts.people.access import Permission
from wallets.api.fields import CardId
from wallets.api.wallet import wallet_of
from wallets.cards import backup, keeping, payment_methods


class Card(Answer):
    """A saved card."""

    id: Annotated[str, Meta(description="Send it as `payment_method` or `card`.")]
    label: Annotated[str, Meta(description="As people know it: Visa •••• 4242.")]
    brand: Annotated[str, Meta(description="Its kind, like visa.")]
    last4: Annotated[str, Meta(description="The last digits of its number.")]
    exp_month: Annotated[int, Meta(description="The month to whose end it is valid.")]
    exp_year: Annotated[int, Meta(description="The year of that month.")]
    is_expired: Annotated[bool, Meta(description="true: it cannot be charged any more.")]
    is_default: Annotated[bool, Meta(description="Charged where no card is named.")]
    is_backup: Annotated[bool, Meta(description="Tried once when another card is declined.")]


class Cards(Answer):
    """All saved cards of an account."""

    results: Annotated[list[Card], Meta(description="Oldest first.")]


class ChosenCard(Sent):
    """The card to charge by default."""

    card: Annotated[str, Meta(min_length=1, max_length=255, description="A saved card's id.")]


class ChosenBackup(Sent):
    """The card that stands in."""

    card: Annotated[CardId, Meta(description="A saved card's id; empty: none stands in.")]


_CARDS = {
    "results": [
        {
            "id": "pm_9Z8y7X6w5V",
            "label": "Mastercard •••• 4444",
            "brand": "mastercard",
            "last4": "4444",
            "exp_month": 12,
            "exp_year": 2030,
            "is_expired": False,
            "is_default": True,
            "is_backup": False,
        }
    ]
}
_EXAMPLES = [
    OpenApiExample("A card", value={"card": "pm_9Z8y7X6w5V"}, request_only=True),
    OpenApiExample("The cards", value=_CARDS, response_only=True),
]


def _shown(account: Account) -> Cards:
    wallet = wallet_of(account)
    return Cards(
        [
            Card.of(
                one,
                is_default=one.id == wallet.default_payment_method,
                is_backup=one.id == wallet.backup_payment_method,
            )
            for one in payment_methods.cards(account)
        ]
    )


class CardsView(ApiView):
    @extend_schema(
        operation_id="list_cards",
        summary="The account's saved cards, oldest first",
        description="Their numbers are never ours to tell: cards are entered by people, at the "
        "payment service.",
        tags=["Cards"],
        responses={200: Cards, **refusals()},
        examples=_EXAMPLES[1:],
    )
    def get(self, request: Request) -> Response:
        return Response(_shown(resolve_account(request)))


class DefaultCardView(ApiView):
    @extend_schema(
        operation_id="set_default_card",
        summary="Charge another saved card by default",
        description="Auto-Recharge follows it unless it has a card of its own. Nothing is charged "
        "now.",
        tags=["Cards"],
        request=ChosenCard,
        responses={200: Cards, **refusals(409, 413, 422)},
        examples=_EXAMPLES,
    )
    @once
    def put(self, request: Request) -> Response:
        account = resolve_account(request, permission=Permission.MONEY)
        keeping.make_default(account=account, card_id=read(ChosenCard, request.data).card)
        return Response(_shown(account))


class BackupCardView(ApiView):
    @extend_schema(
        operation_id="set_backup_card",
        summary="Choose which saved card is tried once when another is declined, or none",
        description="Another one than the default card. Nothing is charged now.",
        tags=["Cards"],
        request=ChosenBackup,
        responses={200: Cards, **refusals(409, 413, 422)},
        examples=_EXAMPLES,
    )
    @once
    def put(self, request: Request) -> Response:
        account = resolve_account(request, permission=Permission.MONEY)
        chosen = read(ChosenBackup, request.data).card
        if chosen:
            backup.choose(account=account, card_id=chosen)
        else:
            backup.clear(account=account)
        return Response(_shown(account))
