"""Corrections of balances and grants of Included minutes, alone or by two people."""

from decimal import Decimal

from django.db import transaction

from accounts.models import Account, User
from wallets import limits
from wallets.balances import adjustments, ledger
from wallets.balances.opening import open_wallet
from wallets.errors import InvalidAmount, Refused
from wallets.models import AdjustmentRequest, LedgerEntry, Pot
from wallets.support import policy
from wallets.texts import signed_minutes, signed_money


@transaction.atomic
def adjust(
    *,
    wallet_id: int,
    pot: str,
    amount: Decimal,
    note: str,
    actor: User,
    form_key: str,
    customer_note: str = "",
) -> LedgerEntry | AdjustmentRequest:
    """Post the correction, or ask a second person when it is worth too much for one.

    `note` is for ourselves, `customer_note` is what the account's people read. Positive adds,
    negative takes; dollars, or whole seconds for minute pots. The same form again
    answers with what it made. Raises InvalidAmount, or FormReused for other facts.
    """
    wallet = ledger.lock_one(wallet_id=wallet_id)
    deed = policy.Deed(
        kind=policy.Kind.ADJUSTMENT,
        person=actor,
        note=note,
        form_key=form_key,
        wallet=wallet,
        pot=pot,
        amount=amount,
        customer_note=customer_note,
    )
    row = policy.earlier(deed)
    if row is None:
        adjustments.check(wallet=wallet, pot=pot, amount=amount, note=note)
        worth = policy.worth_of(pot=pot, amount=amount)
        row = policy.decide(deed, worth=worth, what=_what(pot, amount))
    if row.state != policy.State.ALONE:
        return row
    return adjustments.post(
        wallet_id=wallet_id,
        pot=pot,
        amount=amount,
        note=note,
        actor=actor,
        form_key=form_key,
        customer_note=customer_note,
    )


def grant_included(
    *,
    account: Account,
    minutes: int,
    note: str,
    actor: User,
    form_key: str,
    customer_note: str = "",
) -> LedgerEntry | AdjustmentRequest:
    """Add Included minutes for the rest of this period. Not for sub-accounts: they have none."""
    if account.agency_id:
        raise Refused("Sub-accounts have no Included minutes.")
    if not 0 < minutes <= limits.GRANTED_MINUTES_MOST:
        text = f"Grant 1 to {limits.GRANTED_MINUTES_MOST:,} minutes."
        raise InvalidAmount(text, fields={"minutes": text})
    wallet = open_wallet(account=account)
    return adjust(
        wallet_id=wallet.pk,
        pot=Pot.INCLUDED,
        amount=Decimal(minutes * 60),
        note=note,
        actor=actor,
        form_key=form_key,
        customer_note=customer_note,
    )


@transaction.atomic
def approve(*, request: AdjustmentRequest, actor: User) -> str:
    """Post what somebody else asked for. Raises what `policy.undecided` raises."""
    ledger.lock_one(wallet_id=request.wallet_id)
    row = policy.undecided(request_id=request.pk, actor=actor)
    entry = adjustments.post(
        wallet_id=row.wallet_id,
        pot=row.pot,
        amount=row.amount,
        note=row.note,
        actor=row.asked_by,
        form_key=f"request:{row.pk}",
        customer_note=policy.customer_note(row),
    )
    policy.approved(row, actor=actor)
    return f"Posted: {_what(entry.pot, entry.amount)}."


def _what(pot: str, amount: Decimal) -> str:
    moved = signed_money(amount) if pot == Pot.CREDIT else signed_minutes(amount)
    return f"{moved} of {Pot(pot).label}"
