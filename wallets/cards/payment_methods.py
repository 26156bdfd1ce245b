"""Saved cards: added on Stripe's hosted page, kept in dj-stripe's mirror, never on ours.

The mirror is for showing; what a card is charged is decided at Stripe.
"""

import calendar
import logging
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import djstripe.models
from django.db import transaction

from accounts import clock
from accounts.models import Account, Membership, Role, User
from accounts.runtime.nudges import nudge
from accounts.telling.notifications import notify
from wallets import limits
from wallets.balances.opening import open_wallet
from wallets.errors import GatewayUnreachable, NoPaymentMethod, PaymentMethodInUse
from wallets.models import AutoAllocation, AutoRecharge, Wallet
from wallets.stripe import answers, gateway

logger = logging.getLogger(__name__)

BRANDS = {
    "visa": "Visa",
    "mastercard": "Mastercard",
    "amex": "American Express",
    "discover": "Discover",
    "diners": "Diners Club",
    "jcb": "JCB",
    "unionpay": "UnionPay",
}


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
    return [_card(row.stripe_data) for row in rows if row.stripe_data.get("card")]


def card(*, account: Account, card_id: str) -> Card | None:
    """One of the account's cards, or None when it is not (or no longer) the account's."""
    return next((card for card in cards(account) if card.id == card_id), None)


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


def _card(data: dict[str, Any]) -> Card:
    facts = data.get("card") or {}
    return Card(
        id=data["id"],
        brand=facts.get("brand") or "",
        last4=facts.get("last4") or "????",
        exp_month=facts.get("exp_month") or 12,
        exp_year=facts.get("exp_year") or 2099,
        fingerprint=facts.get("fingerprint") or "",
    )


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
    known = card(account=account, card_id=card_id) is not None
    mirror_card(data)
    wallet = open_wallet(account=account)
    with transaction.atomic():
        wallet = Wallet.objects.filter(pk=wallet.pk).locked().get()
        if not wallet.default_payment_method:
            wallet.default_payment_method = card_id
            wallet.save(update_fields=["default_payment_method"])
            nudge("wallets.payment_method_changed", wallet.pk)
        if not known:
            notify(
                account=account,
                kind="payment_method_added",
                text=f"{_card(data).label} was added.",
                dedupe_key=f"card-added:{card_id}",
                link="/payments/",
            )
    return _card(data)


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
    chosen = usable_card(account=account, card_id=card_id)
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


def remove(*, account: Account, card_id: str, actor: User | None) -> Card:
    """Take the card off at Stripe and here.

    Raises NoPaymentMethod, PaymentMethodInUse with every use, or GatewayUnreachable.
    """
    found = card(account=account, card_id=card_id)
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
    rest = [card for card in cards(account) if not card.is_expired]
    with transaction.atomic():
        wallet = Wallet.objects.filter(account=account).locked().first()
        if wallet and wallet.default_payment_method == card_id:
            wallet.default_payment_method = rest[0].id if rest else ""
            wallet.save(update_fields=["default_payment_method"])
            nudge("wallets.payment_method_changed", wallet.pk)
        notify(
            account=account,
            kind="payment_method_removed",
            text="A card was removed.",
            dedupe_key=f"card-removed:{card_id}",
            link="/payments/",
        )
