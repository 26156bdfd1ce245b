"""Switching Auto-Recharge off, which nobody is denied, and what a card that goes does to it."""

from django.db import transaction

from accounts import clock
from accounts.models import Account
from wallets.balances import ledger
from wallets.balances.opening import open_wallet
from wallets.cards import payment_methods
from wallets.cards.uses import Use
from wallets.models import AutoRecharge, Wallet
from wallets.recharges import notices, suspensions
from wallets.recharges.suspensions import CARD_TROUBLE, Suspended
from wallets.why.codes import Recharge

CARD_LOST = "Its card is no longer saved at the payment service."


@transaction.atomic
def switch_off(*, wallet_id: int, why: str) -> bool:
    """No automatic charges until a person of the account turns it on again. Repeatable.

    `why` is the end of a sentence. Also works on a closed account. False when it was off.
    """
    automatic = suspensions.locked_settings(ledger.lock_one(wallet_id=wallet_id))
    if not automatic.enabled:
        return False
    _switch_off(automatic, why)
    return True


def switch_off_closed(*, account: Account) -> None:
    """Its account was closed: nothing in it charges by itself any more. Repeatable."""
    wallet = Wallet.objects.filter(account=account, auto_recharge__enabled=True).first()
    if wallet:
        switch_off(wallet_id=wallet.pk, why="the account was closed")


def _switch_off(automatic: AutoRecharge, why: str) -> None:
    automatic.enabled = False
    automatic.updated_at = clock.now()
    automatic.save(update_fields=["enabled", "updated_at"])
    AutoRecharge.objects.watch(wallet_ids=[automatic.wallet_id], now=clock.now())
    suspensions.log(automatic, Recharge.SWITCHED_OFF, reason=why)
    notices.tell_switched_off(automatic, why)


def _uses(automatic: AutoRecharge, card_id: str) -> bool:
    return automatic.enabled and automatic.effective_payment_method == card_id


def _others(account: Account, card_id: str) -> bool:
    cards = payment_methods.cards(account)
    return any(card.id != card_id and not card.is_expired for card in cards)


def _found(account: Account, card_id: str) -> list[str]:
    wallet = open_wallet(account=account)
    automatic = AutoRecharge.objects.get(wallet=wallet)
    automatic.wallet = wallet
    if not _uses(automatic, card_id):
        return []
    first = "choose another card under Configure" if _others(account, card_id) else "add another"
    return [
        "Auto-Recharge uses it. It will be switched off, and calls stop when the balance runs "
        f"out. To keep it on, {first} first."
    ]


@transaction.atomic
def _ended(*, account: Account, card_id: str, by_person: bool) -> None:
    """Off when a person took the card away, suspended when it was lost.

    One that follows the default goes on with the next card, if its own was lost and there is one.
    """
    wallet = Wallet.objects.filter(account=account).select_related("account").locked().first()
    if wallet is None:
        return
    automatic = suspensions.locked_settings(wallet)
    follows = not automatic.payment_method
    others = _others(account, card_id)
    if not _uses(automatic, card_id):
        return
    if not others and not follows:
        # The next card that is added becomes the default, and lifts it.
        automatic.payment_method = ""
        automatic.save(update_fields=["payment_method"])
    if by_person:
        _switch_off(automatic, "its card was removed")
    elif not (follows and others) and automatic.suspended_reason in ("", *CARD_TROUBLE):
        suspensions.mark_suspended(automatic, Suspended.NO_CARD, "")
        helps = "Choose another card under Configure." if others else "Add a card."
        notices.tell_suspended(automatic, f"{CARD_LOST} {helps}")


CARD_USE = Use(found=_found, ended=_ended)
