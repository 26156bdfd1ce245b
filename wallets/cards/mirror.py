"""Stripe's customers and cards as we keep them for showing, in dj-stripe's tables.

dj-stripe's own way to store them asks Stripe: whose key this is, and for whatever else an object
names. So the rows are written here, from what the gateway was answered, and from nothing else.
"""

from collections.abc import Iterator
from typing import Any

from djstripe.models import Customer, PaymentMethod
from djstripe.models.base import StripeModel

from accounts.models import Account
from wallets.stripe import answers, gateway
from wallets.stripe.answers import id_of


def keep_card(data: dict[str, Any]) -> None:
    """Store a card as Stripe just told it, and its customer when that is new. Repeatable.

    A card that is nobody's any more leaves the mirror. Raises GatewayError.
    """
    customer = id_of(data.get("customer"))
    if not customer:
        forget_card(data["id"])
        return
    if not Customer.objects.filter(id=customer).exists():
        _keep_customer(gateway.retrieve_customer(customer=customer))
    _keep(PaymentMethod, data, customer_id=customer)


def forget_card(card_id: str) -> None:
    PaymentMethod.objects.filter(id=card_id).delete()


def accounts() -> Iterator[Account]:
    """All that have a customer at Stripe."""
    return Account.objects.exclude(stripe_customer=None).order_by("pk").iterator()


def read_again(*, account: Account, cards: bool) -> int | None:
    """Read the account's customer, and with `cards` its cards, into the mirror. Repeatable.

    Returns how many cards there were, None when the customer is gone; then nothing was changed.
    Nothing is taken away: only who may end what a card pays does that. Raises GatewayError.
    """
    try:
        customer = gateway.retrieve_customer(customer=account.stripe_customer)
    except answers.Impossible as error:
        if not error.customer_is_gone:
            raise
        return None
    if customer.get("deleted"):
        return None
    _keep_customer(customer)
    found = gateway.list_cards(customer=account.stripe_customer) if cards else []
    for card in found:
        keep_card(card)
    return len(found)


def _keep_customer(data: dict[str, Any]) -> None:
    _keep(Customer, data, email=data.get("email") or "")


def _keep(model: type[StripeModel], data: dict[str, Any], **facts: Any) -> None:
    """The columns every object has, read as dj-stripe reads them."""
    created = model._meta.get_field("created").stripe_to_db(data)
    common = {
        "created": created,
        "livemode": data.get("livemode"),
        "metadata": data.get("metadata") or {},
        "stripe_data": data,
    }
    model.objects.update_or_create(id=data["id"], defaults=common | facts)
