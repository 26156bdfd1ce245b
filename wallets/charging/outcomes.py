"""What an intent's state means for our row: paid and credited, waiting, closed, in quarantine.

Only `purchases` and `resolving` call this, with what they just read at Stripe.
"""

from uuid import UUID

from accounts.runtime import crash_points
from wallets.charging import declines, rows
from wallets.charging.rows import State
from wallets.models import Purchase, Wallet
from wallets.stripe.answers import Intent


def record(purchase_id: UUID, intent: Intent, *, release: bool = False) -> bool:
    """Move the row to what the intent says. Returns True when the intent must be canceled.

    With `release` one in quarantine is looked at afresh; it stays there when the facts differ.
    """
    with rows.locked(purchase_id) as (purchase, wallet):
        if release:
            rows.release(purchase)
        return _record(purchase, wallet, intent)


def _record(purchase: Purchase, wallet: Wallet, intent: Intent) -> bool:
    if problem := _mismatch(purchase, intent):
        rows.mark_quarantined(purchase, problem)
    elif not purchase.is_open:
        if intent.status == "succeeded" and purchase.state != State.SUCCEEDED:
            rows.mark_quarantined(purchase, f"Paid at Stripe after it was {purchase.state}.")
    elif not purchase.quarantined_at:
        rows.adopt(purchase, intent.id)
        must_cancel = _apply(purchase, wallet, intent)
        crash_points.reach("before_settle_commit")
        return must_cancel
    return False


def _mismatch(purchase: Purchase, intent: Intent) -> str:
    """Why this intent cannot be the purchase's, or "" when all facts agree."""
    known = purchase.payer.customers
    customer = intent.customer if intent.customer in known else purchase.payer.stripe_customer
    ours = (purchase.amount_cents, "usd", customer)
    theirs = (intent.amount, intent.currency, intent.customer)
    if ours != theirs:
        return f"Ours: {ours}; Stripe's: {theirs}."
    if intent.status == "succeeded" and intent.amount_received != purchase.amount_cents:
        return f"Stripe received {intent.amount_received} of {purchase.amount_cents} cents."
    return ""


def was_declined(intent: Intent) -> bool:
    """Whether its last confirmation was declined: it is never confirmed again, whoever asks."""
    asks_for_the_bank = intent.error_code in declines.NEEDS_BANK
    return intent.status == "requires_payment_method" and not asks_for_the_bank


def _apply(purchase: Purchase, wallet: Wallet, intent: Intent) -> bool:
    """What each status of an intent that is ours means. Returns True when it must be canceled."""
    needs_bank = intent.error_code in declines.NEEDS_BANK
    match intent.status:
        case "succeeded":
            rows.succeed(purchase, wallet)
        case "requires_action":
            rows.await_bank(purchase, wallet)
        case "requires_payment_method" if was_declined(intent):
            return True
        case "requires_payment_method":
            rows.await_bank(purchase, wallet)
        case "canceled":
            code = declines.code_of(intent, kept=purchase.decline_code)
            is_decline = bool(code) and not needs_bank
            state = State.DECLINED if is_decline else State.CANCELED
            rows.close(purchase, wallet, state, code=code)
    return False
