"""Keeping cards in step with Stripe: adding, choosing, taking away, and what events tell."""

import logging
from typing import Any

import djstripe.models
from django.db import transaction

from accounts.models import Account, Membership, Role
from accounts.runtime.nudges import nudge
from wallets.balances.opening import open_wallet
from wallets.cards import notices, payment_methods
from wallets.cards.payment_methods import Card
from wallets.errors import GatewayUnreachable, NoPaymentMethod, PaymentMethodInUse
from wallets.models import AutoAllocation, AutoRecharge, Wallet
from wallets.stripe import answers, gateway

logger = logging.getLogger(__name__)


def ensure_customer(*, account: Account) -> str:
    """The account's customer at Stripe, created once under the key `customer:<account>`."""
    account.refresh_from_db(fields=["stripe_customer"])
    if account.stripe_customer:
        return account.stripe_customer
    owner = Membership.objects.filter(account=account, role=Role.OWNER).select_related("user")
    email = owner.order_by("pk").values_list("user__email", flat=True).first() or ""
    customer = gateway.create_customer(
        key=f"customer:{account.pk}",
        name=account.name,
        email=email,
        metadata={"account": str(account.pk)},
    )
    Account.objects.filter(pk=account.pk, stripe_customer=None).update(stripe_customer=customer)
    account.refresh_from_db(fields=["stripe_customer"])
    return account.stripe_customer


def start_adding(*, account: Account, success_url: str, cancel_url: str) -> str:
    """The address of Stripe's hosted page that saves a card. Raises GatewayUnreachable.

    `success_url` carries {CHECKOUT_SESSION_ID}, which Stripe fills in.
    """
    try:
        with gateway.person_waiting():
            customer = ensure_customer(account=account)
            return gateway.start_card_setup(
                customer=customer, success_url=success_url, cancel_url=cancel_url
            )
    except answers.GatewayError as error:
        raise GatewayUnreachable(
            "The payment service is not answering. Try again in a minute."
        ) from error


def finish_adding(*, account: Account, session_id: str) -> Card | None:
    """Take over the card of a finished hosted page; None when nothing was saved. Repeatable."""
    try:
        with gateway.person_waiting():
            customer, card_id = gateway.finished_card_setup(session_id=session_id)
    except answers.Impossible:
        return None
    except answers.GatewayError as error:
        raise GatewayUnreachable(
            "Your card is being saved. Reload this page in a minute."
        ) from error
    if not card_id or customer != account.stripe_customer:
        return None
    return adopt(account=account, card_id=card_id)


def adopt(*, account: Account, card_id: str) -> Card:
    """Mirror a card Stripe has saved for this account; the first one becomes the default.

    The page's return and the event both call this; the second changes nothing.
    """
    data = gateway.retrieve_card(card_id=card_id)
    known = payment_methods.card(account=account, card_id=card_id) is not None
    mirror_card(data)
    wallet = open_wallet(account=account)
    with transaction.atomic():
        wallet = Wallet.objects.filter(pk=wallet.pk).locked().get()
        if not wallet.default_payment_method:
            wallet.default_payment_method = card_id
            wallet.save(update_fields=["default_payment_method"])
            nudge("wallets.payment_method_changed", wallet.pk)
        if not known:
            notices.tell_added(account, payment_methods.read_card(data))
    return payment_methods.read_card(data)


def mirror_card(data: dict[str, Any]) -> None:
    """Feed dj-stripe. A card that is nobody's any more leaves the mirror."""
    if not data.get("customer"):
        djstripe.models.PaymentMethod.objects.filter(id=data["id"]).delete()
        return
    if not djstripe.models.Customer.objects.filter(id=data["customer"]).exists():
        customer = gateway.retrieve_customer(customer=data["customer"])
        djstripe.models.Customer.sync_from_stripe_data(customer)
    djstripe.models.PaymentMethod.sync_from_stripe_data(data)


def make_default(*, account: Account, card_id: str) -> Card:
    """Charge this card by default from now on. Raises NoPaymentMethod."""
    chosen = payment_methods.usable_card(account=account, card_id=card_id)
    wallet = open_wallet(account=account)
    with transaction.atomic():
        wallet = Wallet.objects.filter(pk=wallet.pk).locked().get()
        wallet.default_payment_method = card_id
        wallet.save(update_fields=["default_payment_method"])
        nudge("wallets.payment_method_changed", wallet.pk)
    return chosen


def uses(*, account: Account, card_id: str) -> list[str]:
    """What would charge this card by itself, each as a sentence."""
    found = []
    wallet = open_wallet(account=account)
    automatic = AutoRecharge.objects.get(wallet=wallet)
    automatic.wallet = wallet
    if automatic.enabled and automatic.effective_payment_method == card_id:
        found.append("Auto-Recharge uses it. Choose another card under Configure.")
    allocations = AutoAllocation.objects.filter(
        agency=account, active=True, payment_method=card_id
    ).select_related("account")
    for allocation in allocations:
        found.append(
            f"The monthly allocation for {allocation.account.name} uses it. "
            "Choose another card in Manage auto allocation."
        )
    return found


def remove(*, account: Account, card_id: str) -> Card:
    """Take the card off at Stripe and here.

    Raises NoPaymentMethod, PaymentMethodInUse with every use, or GatewayUnreachable.
    """
    found = payment_methods.card(account=account, card_id=card_id)
    if found is None:
        raise NoPaymentMethod("This card is no longer saved.")
    if used := uses(account=account, card_id=card_id):
        raise PaymentMethodInUse(f"{found.label} is in use. {' '.join(used)}", uses=used)
    try:
        with gateway.person_waiting():
            gateway.detach_card(card_id=card_id)
    except answers.Impossible:
        pass  # It is gone at Stripe already.
    except answers.GatewayError as error:
        raise GatewayUnreachable(
            "The payment service is not answering. The card was not removed; try again."
        ) from error
    forget(account=account, card_id=card_id)
    return found


def forget(*, account: Account, card_id: str) -> None:
    """Take a card that Stripe no longer has from the mirror and from the default. Repeatable."""
    djstripe.models.PaymentMethod.objects.filter(id=card_id).delete()
    rest = [card for card in payment_methods.cards(account) if not card.is_expired]
    with transaction.atomic():
        wallet = Wallet.objects.filter(account=account).locked().first()
        if wallet and wallet.default_payment_method == card_id:
            wallet.default_payment_method = rest[0].id if rest else ""
            wallet.save(update_fields=["default_payment_method"])
            nudge("wallets.payment_method_changed", wallet.pk)
        notices.tell_removed(account, card_id)


def card_saved(found: dict[str, Any]) -> None:
    """A set-up finished; the person may have closed the window before coming back to us."""
    if found.get("object") == "checkout.session":
        customer, card_id = gateway.finished_card_setup(session_id=found["id"])
    else:
        setup = gateway.retrieve_setup_intent(setup_intent_id=found["id"])
        customer, card_id = setup.get("customer"), setup.get("payment_method")
    account = Account.objects.filter(stripe_customer=customer).first() if customer else None
    if account and card_id:
        adopt(account=account, card_id=card_id)


def card_changed(found: dict[str, Any]) -> None:
    """A card was renewed by its bank, or taken off the customer."""
    try:
        data = gateway.retrieve_card(card_id=found["id"])
    except answers.Impossible:
        data = {}
    if data.get("customer"):
        mirror_card(data)
        return
    account = payment_methods.owner_of(card_id=found["id"])
    if account:
        forget(account=account, card_id=found["id"])


def customer_deleted(found: dict[str, Any]) -> None:
    """Every card of a deleted customer is gone."""
    account = Account.objects.filter(stripe_customer=found["id"]).first()
    if account is None or not gateway.retrieve_customer(customer=found["id"]).get("deleted"):
        return
    for card in payment_methods.cards(account):
        forget(account=account, card_id=card.id)
