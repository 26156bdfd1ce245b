"""Choosing the backup card: the one that is tried once when the first card is declined."""

from django.db import transaction

from accounts.audit import seen as seen_before
from accounts.models import Account
from wallets.balances.opening import open_wallet
from wallets.cards import payment_methods
from wallets.cards.payment_methods import Card
from wallets.cards.uses import Use
from wallets.errors import Refused
from wallets.models import Wallet


def choose(*, account: Account, card_id: str, seen: str = "") -> Card:
    """Let this card stand in from now on. Repeatable; charges nothing.

    Raises NoPaymentMethod, or Refused for the default card and for the same card saved twice.
    `seen` marks the choice of cards that was shown: others' newer one raises Overtaken.
    """
    chosen = payment_methods.usable_card(account=account, card_id=card_id)
    wallet = open_wallet(account=account)
    with transaction.atomic():
        wallet = Wallet.objects.filter(pk=wallet.pk).locked().get()
        first = payment_methods.card(account=account, card_id=wallet.default_payment_method)
        if first and first.fingerprint == chosen.fingerprint:
            raise Refused(f"{chosen.label} is your default card. Choose another one as backup.")
        with seen_before.guarding(wallet, fields=payment_methods.CHOSEN, seen=seen):
            wallet.backup_payment_method = card_id
        wallet.save(update_fields=["backup_payment_method"])
    return chosen


def clear(*, account: Account, card_id: str = "") -> bool:
    """No card stands in any more. Repeatable; False when none did, or another than `card_id`."""
    with transaction.atomic():
        wallet = Wallet.objects.filter(account=account).locked().first()
        if wallet is None or not wallet.backup_payment_method:
            return False
        if card_id and wallet.backup_payment_method != card_id:
            return False
        wallet.backup_payment_method = ""
        wallet.save(update_fields=["backup_payment_method"])
    return True


def _is_backup(account: Account, card_id: str) -> bool:
    return Wallet.objects.filter(account=account, backup_payment_method=card_id).exists()


def _found(account: Account, card_id: str) -> list[str]:
    if not _is_backup(account, card_id):
        return []
    return ["It is your backup card. Without it no other card is tried when one is declined."]


def _ended(*, account: Account, card_id: str, by_person: bool) -> None:  # noqa: ARG001
    clear(account=account, card_id=card_id)


CARD_USE = Use(found=_found, ended=_ended)
