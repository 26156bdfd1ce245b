"""Saved cards as the mirror has them: listed, looked up, checked before they are charged.

The mirror is for showing; what a card is charged is decided at Stripe.
"""

import calendar
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import djstripe.models
from django.db.models import Func, QuerySet, TextField, Value
from django.db.models.fields.json import KT
from django.db.models.functions import Coalesce, Concat, LPad

from accounts import clock
from accounts.models import Account
from wallets import limits
from wallets.errors import NoPaymentMethod

BRANDS = {
    "visa": "Visa",
    "mastercard": "Mastercard",
    "amex": "American Express",
    "discover": "Discover",
    "diners": "Diners Club",
    "jcb": "JCB",
    "unionpay": "UnionPay",
}
# What a wallet charges first, and when that is declined: the choice people see and make.
CHOSEN = ("default_payment_method", "backup_payment_method")


@dataclass(frozen=True)
class Card:
    id: str
    brand: str
    last4: str
    exp_month: int
    exp_year: int
    fingerprint: str

    @property
    def label(self) -> str:
        return f"{BRANDS.get(self.brand, self.brand.title() or 'Card')} •••• {self.last4}"

    @property
    def last_day(self) -> date:
        """The card is good until the end of its month."""
        days = calendar.monthrange(self.exp_year, self.exp_month)[1]
        return date(self.exp_year, self.exp_month, days)

    @property
    def is_expired(self) -> bool:
        return self.last_day < clock.now().date()

    @property
    def expires_soon(self) -> bool:
        soon = clock.now().date() + timedelta(days=limits.CARD_EXPIRY_NOTICE.days)
        return not self.is_expired and self.last_day <= soon


def cards(account: Account) -> list[Card]:
    """The account's cards, oldest first, from the mirror."""
    if not account.stripe_customer:
        return []
    rows = djstripe.models.PaymentMethod.objects.filter(
        customer_id=account.stripe_customer
    ).order_by("created", "djstripe_created", "id")
    return [read_card(row.stripe_data) for row in rows if row.stripe_data.get("card")]


def card(*, account: Account, card_id: str) -> Card | None:
    """One of the account's cards, or None when it is not (or no longer) the account's."""
    return next((card for card in cards(account) if card.id == card_id), None)


def good_at(now: datetime) -> QuerySet[djstripe.models.PaymentMethod]:
    """Everybody's cards in the mirror that have not expired at a moment: `Card.is_expired` in SQL.

    Months as text that sorts, "202711": whatever a card says, it is no error for all others.
    """
    text = TextField()
    year = Coalesce(KT("stripe_data__card__exp_year"), Value("2099"), output_field=text)
    month = Coalesce(KT("stripe_data__card__exp_month"), Value("12"), output_field=text)
    last_month = Concat(year, LPad(month, 2, Value("0")), output_field=text)
    this_month = Func(Value(now), Value("YYYYMM"), function="to_char", output_field=text)
    cards = djstripe.models.PaymentMethod.objects.filter(stripe_data__has_key="card")
    return cards.alias(last_month=last_month).filter(last_month__gte=this_month)


def owner_of(*, card_id: str) -> Account | None:
    """Whose card the mirror says this is, or whose default it still is."""
    row = djstripe.models.PaymentMethod.objects.filter(id=card_id).first()
    if row and row.customer_id:
        return Account.objects.filter(stripe_customer=row.customer_id).first()
    return Account.objects.filter(wallet__default_payment_method=card_id).first()


def usable_card(*, account: Account, card_id: str) -> Card:
    """The card, if it can be charged. Raises NoPaymentMethod with what helps."""
    if not card_id:
        raise NoPaymentMethod("Add a payment method first.")
    found = card(account=account, card_id=card_id)
    if found is None:
        raise NoPaymentMethod("This card is no longer saved. Choose another card.")
    if found.is_expired:
        raise NoPaymentMethod(f"{found.label} has expired. Choose another card.")
    return found


def read_card(data: dict[str, Any]) -> Card:
    """A card as Stripe tells it."""
    facts = data.get("card") or {}
    return Card(
        id=data["id"],
        brand=facts.get("brand") or "",
        last4=facts.get("last4") or "????",
        exp_month=facts.get("exp_month") or 12,
        exp_year=facts.get("exp_year") or 2099,
        fingerprint=facts.get("fingerprint") or "",
    )
