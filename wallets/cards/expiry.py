"""Telling people in time that a card somebody relies on expires, from the mirror."""

from accounts.models import Account
from wallets.cards import keeping, notices, payment_methods
from wallets.models import AutoAllocation, AutoRecharge


def tell() -> int:
    """Announce each card in use that expires within 30 days, once a card and month."""
    told = 0
    for account in _accounts_with_cards_in_use():
        for card in payment_methods.cards(account):
            if not card.expires_soon or not keeping.uses(account=account, card_id=card.id):
                continue
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
