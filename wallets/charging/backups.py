"""The backup card: when the first card is declined, the payer's other one is tried once.

The second charge is a purchase of its own, with its own idempotency keys. It is written in the
transaction that closes the first as declined: whoever dies then leaves a row that the sweep drives,
and what is not declined (unknown, waiting for the bank) never has one.
"""

from uuid import UUID

from django.db import transaction

from accounts import clock
from wallets import limits
from wallets.cards import payment_methods, trying
from wallets.cards.payment_methods import Card
from wallets.charging import declines
from wallets.errors import TooManyAttempts
from wallets.models import Purchase, Wallet
from wallets.prices.amounts import dollars
from wallets.texts import usd

_SAME = (
    "payer",
    "wallet",
    "purpose",
    "amount_cents",
    "buys",
    "premium_rate",
    "basic_rate",
    "premium_minutes",
    "basic_minutes",
    "allocation_run",
    "requested_by",
)


def card_of(*, account_id: UUID, first: Card | None) -> Card | None:
    """The account's backup card, if it could be charged and is another one than `first`."""
    wallet = Wallet.objects.filter(account=account_id).exclude(backup_payment_method="")
    wallet = wallet.select_related("account").first()
    if wallet is None:
        return None
    found = payment_methods.card(account=wallet.account, card_id=wallet.backup_payment_method)
    if found is None or found.is_expired:
        return None
    return None if first and first.fingerprint == found.fingerprint else found


def try_after(first: Purchase) -> Purchase | None:
    """Write down the charge of the backup card after `first`, or None when it is not to be tried.

    Call in the transaction that declines `first`, with the wallet locked. Not after a decline that
    only a person may answer (`declines.backup_helps`), nor by a card that was declined for good
    or a moment ago, nor beyond the limits of tries: it counts as one.
    """
    if first.state != Purchase.State.DECLINED or first.instead_of:
        return None
    if not declines.backup_helps(first.decline_code) or _is_braked(first):
        return None
    tried = payment_methods.card(account=first.payer, card_id=first.payment_method)
    card = card_of(account_id=first.payer_id, first=tried)
    if card is None or card.fingerprint == first.card_fingerprint:
        return None
    if is_resting(card, payer_id=first.payer_id):
        return None
    try:
        with transaction.atomic():
            return _write(first, card)
    except TooManyAttempts:
        return None


def _write(first: Purchase, card: Card) -> Purchase:
    purchase = Purchase.objects.create(
        **{name: getattr(first, name) for name in _SAME},
        payment_method=card.id,
        card=card.label,
        card_fingerprint=card.fingerprint,
        instead_of=declines.was_declined(first.card, first.decline_code),
        backup_of=first,
    )
    trying.note_another(first=first, purchase=purchase)
    return purchase


def _is_braked(first: Purchase) -> bool:
    since = clock.now() - limits.CHARGE_WINDOW
    tried = first.wallet.purchases.filter(purpose=first.purpose, created_at__gt=since)
    return tried.count() >= limits.INTENTS_PER_WINDOW


def is_resting(card: Card, *, payer_id: UUID) -> bool:
    """Whether this backup card was declined for good, or too short a while ago to be tried."""
    tried = Purchase.objects.filter(payer=payer_id, card_fingerprint=card.fingerprint)
    last = tried.filter(closed_at__isnull=False).exclude(state=Purchase.State.CANCELED)
    latest = last.order_by("-closed_at").first()
    if latest is None or latest.state != Purchase.State.DECLINED:
        return False
    if declines.is_hard(latest.decline_code):
        return True
    return latest.closed_at + limits.DECLINE_WAITS[0] > clock.now()


def is_still_chosen(purchase: Purchase) -> bool:
    """The last look: whether the card of a purchase that the backup pays is still the backup."""
    chosen = Wallet.objects.filter(account=purchase.payer_id)
    return chosen.filter(backup_payment_method=purchase.payment_method).exists()


def told(purchase: Purchase) -> str:
    """What the backup card paid, in one sentence: the first card, the sum, and this card."""
    amount = usd(dollars(purchase.amount_cents))
    return f"{purchase.instead_of}; {amount} was charged to your backup card {purchase.card}."
