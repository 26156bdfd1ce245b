"""Corrections by hand. What support may correct alone is decided in `wallets.support`."""

from decimal import Decimal

from django.db import transaction

from accounts.models import User
from wallets.balances import ledger
from wallets.errors import InvalidAmount
from wallets.models import LedgerEntry, Pot, Wallet
from wallets.models.fields import LARGEST_AMOUNT
from wallets.models.wallet import MOST_SECONDS
from wallets.prices.amounts import MICRO_DOLLAR

NOTE_LENGTH = 200


def post(
    *,
    wallet_id: int,
    pot: str,
    amount: Decimal,
    note: str,
    actor: User | None,
    form_key: str,
    customer_note: str = "",
) -> LedgerEntry:
    """Correct one pot without a second person: approved, or in nobody's working day.

    `note` is for ourselves, `customer_note` is what the account's people read. Positive adds,
    negative takes; dollars, or whole seconds for minute pots. The form's key makes
    a second click post nothing. Raises InvalidAmount.
    """
    with transaction.atomic():
        wallet = ledger.lock_one(wallet_id=wallet_id)
        key = f"adjustment:{form_key}"
        before = LedgerEntry.objects.filter(wallet_id=wallet_id, pot=pot, key=key).first()
        if before is None:
            check(wallet=wallet, pot=pot, amount=amount, note=note)
        movement = ledger.Movement(
            wallet_id=wallet_id,
            pot=pot,
            amount=amount,
            kind=LedgerEntry.Kind.ADJUSTMENT,
            key=key,
            note=note.strip(),
            customer_note=customer_note.strip()[:NOTE_LENGTH],
            actor_id=actor.pk if actor else None,
        )
        ledger.post(movements=[movement], wallets={wallet_id: wallet})
        return LedgerEntry.objects.get(wallet_id=wallet_id, pot=pot, key=key)


def check(*, wallet: Wallet, pot: str, amount: Decimal, note: str) -> None:
    """Raise InvalidAmount unless the locked wallet can be adjusted so."""
    if not 0 < len(note.strip()) <= NOTE_LENGTH:
        text = f"Say why you adjust this, in at most {NOTE_LENGTH} characters."
        raise InvalidAmount(text, fields={"note": "Say why."})
    if not amount.is_finite() or not amount:
        raise InvalidAmount("Enter an amount other than 0.", fields={"amount": "Not 0."})
    after = wallet.held(pot) + amount
    if pot == Pot.CREDIT:
        largest = max(abs(amount), abs(after))
        if largest > LARGEST_AMOUNT or amount != amount.quantize(MICRO_DOLLAR):
            text = "Enter dollars with at most six decimals; a wallet holds up to a billion."
            raise InvalidAmount(text, fields={"amount": text})
        return
    if amount != int(amount):
        raise InvalidAmount("Enter whole seconds.", fields={"amount": "Whole seconds."})
    if after >= MOST_SECONDS:
        raise InvalidAmount("A minute pot cannot hold that.", fields={"amount": "Too much."})
    if after < 0:
        raise InvalidAmount(
            "A minute pot cannot go below zero.", fields={"amount": "More than there is."}
        )
