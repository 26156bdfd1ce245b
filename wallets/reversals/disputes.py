"""Disputes: a bank takes a payment back. The ledger follows the money, never the quarrel.

An inquiry moves nothing. When funds are withdrawn the amount is taken, automatic charges are
suspended and the payer's wallet is blocked until support lifts it. Won gives back what it took.
"""

import logging
from typing import Any

from accounts import clock
from accounts.telling.notifications import alert_staff
from wallets.balances import blocking
from wallets.models import AutoRecharge, Reversal, Wallet
from wallets.prices.amounts import dollars
from wallets.recharges import suspensions
from wallets.reversals import notices
from wallets.reversals.crediting import credited
from wallets.reversals.pots import LockedPurchase, give_back, locked_purchase, take
from wallets.stripe import gateway
from wallets.texts import usd

logger = logging.getLogger(__name__)

State = Reversal.State


def apply_dispute(*, dispute_id: str) -> Reversal | None:
    """Read a dispute at Stripe and make our row agree. Repeating it changes nothing.

    None while no money of ours has moved. The purchase is credited first: raises NotYet while it
    cannot be, GatewayError without a definite answer.
    """
    return apply_dispute_from(found=gateway.retrieve_dispute(dispute_id=dispute_id))


def apply_dispute_from(*, found: dict[str, Any]) -> Reversal | None:
    """The same, from what was read at Stripe, be it a while ago."""
    purchase = credited(intent_id=found.get("payment_intent"))
    if purchase is None:
        return None
    with locked_purchase(purchase.pk) as locked:
        rows = Reversal.objects.select_for_update(no_key=True)
        reversal = rows.filter(stripe_id=found["id"]).first()
        is_new = reversal is None and funds_are_withdrawn(found)
        if is_new:
            reversal = _withdraw(locked, found)
        if reversal:
            _follow(reversal, locked, found)
    # Whoever heard meanwhile that it was won found nothing to give back, and nobody says so again.
    return apply_dispute(dispute_id=found["id"]) if is_new else reversal


def funds_are_withdrawn(found: dict[str, Any]) -> bool:
    """Whether the money is with the bank now: the balance transactions tell, not the status."""
    return sum(one["amount"] for one in _movements(found)) < 0


def _movements(found: dict[str, Any]) -> list[dict[str, Any]]:
    """None before the funds are withdrawn; then the withdrawal, then what came back."""
    return found.get("balance_transactions") or []


def _withdraw(locked: LockedPurchase, found: dict[str, Any]) -> Reversal:
    purchase = locked.purchase
    reversal = Reversal.objects.create(
        purchase=purchase,
        kind=Reversal.Kind.DISPUTE,
        amount_cents=found["amount"],
        state=State.SUBMITTED,
        stripe_id=found["id"],
        reason=f"Disputed: {found.get('reason') or 'no reason given'}"[:200],
    )
    take(reversal, wallets=locked.wallets, payer_wallet_id=locked.payer_wallet.pk)
    blocking.block(wallet_ids=[locked.payer_wallet.pk], reason=Wallet.Blocked.DISPUTED)
    suspensions.suspend(wallet=locked.payer_wallet, reason=AutoRecharge.Suspended.DISPUTED)
    amount = usd(dollars(found["amount"]))
    notices.tell_disputed(reversal, purchase)
    _alert(reversal, f"{purchase.payer.name} disputed {amount}. Its wallet is blocked.")
    return reversal


def _follow(reversal: Reversal, locked: LockedPurchase, found: dict[str, Any]) -> None:
    """Lost closes it; funds that came back are given back, whatever the status says.

    What was read before they were withdrawn, or before they came back, says nothing of that.
    """
    if reversal.state == State.FAILED:
        if funds_are_withdrawn(found) and len(_movements(found)) > 1:
            _alert(reversal, f"Dispute {found['id']} was withdrawn again after it was won.")
        return
    if _movements(found) and not funds_are_withdrawn(found):
        give_back(reversal, wallets=locked.wallets)
        _close(reversal, State.FAILED, "The dispute was won.")
        notices.tell_dispute_won(reversal, locked.purchase)
    elif found["status"] == "lost" and reversal.state != State.SUCCEEDED:
        _close(reversal, State.SUCCEEDED, "")


def _close(reversal: Reversal, state: str, text: str) -> None:
    reversal.state = state
    reversal.closed_at = clock.now()
    reversal.error_text = text
    reversal.save(update_fields=["state", "closed_at", "error_text"])


def _alert(reversal: Reversal, text: str) -> None:
    alert_staff(
        kind="dispute",
        text=text,
        data={"purchase": str(reversal.purchase_id)},
        dedupe_key=f"dispute:{reversal.pk}:{reversal.state}",
    )
