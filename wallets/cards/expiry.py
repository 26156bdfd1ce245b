"""Telling people in time that a card somebody relies on expires, from the mirror."""

import logging

from accounts.models import Account
from accounts.runtime.time_limits import TimeIsUp
from wallets.cards import notices, payment_methods, uses
from wallets.models import AutoAllocation, AutoRecharge

logger = logging.getLogger(__name__)


def tell() -> int:
    """Announce each card in use that expires within 30 days, once a card and month."""
    told = 0
    for account in _accounts_with_cards_in_use():
        try:
            told += _tell(account)
        except TimeIsUp:
            raise
        # One broken account must not keep the others from hearing.
        except Exception:
            logger.exception("cards of account %s were not looked at", account.pk)
    return told


def _tell(account: Account) -> int:
    told = 0
    for card in payment_methods.cards(account):
        if card.expires_soon and uses.found(account=account, card_id=card.id):
            told += notices.tell_expiring(account, card) is not None
    return told


def _accounts_with_cards_in_use() -> list[Account]:
    automatic = AutoRecharge.objects.filter(enabled=True).values("wallet__account")
    paying = AutoAllocation.objects.filter(active=True).values("agency")
    return list(
        Account.objects.filter(stripe_customer__isnull=False)
        .filter(pk__in=automatic.union(paying))
        .order_by("pk")
    )
