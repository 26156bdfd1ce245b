"""What an intent's state means for our row: paid and credited, waiting, closed, in quarantine.

Each purpose registers a `Policy` here. Only `purchases` speaks to Stripe and calls this; nothing
here talks to anybody, and everything runs with the wallet and then the purchase locked.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

from django.db import connection, transaction

from accounts import clock
from accounts.runtime import crash_points
from accounts.telling.notifications import alert_staff
from wallets.balances import ledger
from wallets.charging import declines
from wallets.models import LedgerEntry, Pot, Purchase, Wallet
from wallets.prices.amounts import bought, dollars
from wallets.stripe import answers
from wallets.why.decisions import Decision

State = Purchase.State


@dataclass(frozen=True)
class Policy:
    """What a purpose adds. All run under the wallet's lock, inside the settling transaction."""

    still_wanted: Callable[[Purchase, Wallet], Decision]
    succeeded: Callable[[Purchase, Wallet], None]
    declined: Callable[[Purchase, Wallet], None]
    requires_action: Callable[[Purchase, Wallet], None]
    canceled: Callable[[Purchase, Wallet], None]


# Filled by wallets.apps, so that this module need not know the purposes.
policies: dict[str, Policy] = {}


@contextmanager
def locked(purchase_id: UUID) -> Iterator[tuple[Purchase, Wallet]]:
    """A transaction of its own, with the wallet and then the purchase locked."""
    wallet_id = Purchase.objects.values_list("wallet_id", flat=True).get(pk=purchase_id)
    with transaction.atomic(durable=True):
        wallet = ledger.lock_one(wallet_id=wallet_id)
        yield Purchase.objects.locked().get(pk=purchase_id), wallet


def record(purchase_id: UUID, intent: answers.Intent) -> bool:
    """Move the row to what the intent says. Returns True when the intent must be canceled."""
    with locked(purchase_id) as (purchase, wallet):
        if problem := _mismatch(purchase, intent):
            _mark_quarantined(purchase, problem)
        elif not purchase.is_open:
            if intent.status == "succeeded" and purchase.state != State.SUCCEEDED:
                _mark_quarantined(purchase, f"Paid at Stripe after it was {purchase.state}.")
        elif not purchase.quarantined_at:
            _adopt(purchase, intent)
            must_cancel = _apply(purchase, wallet, intent)
            crash_points.reach("before_settle_commit")
            return must_cancel
    return False


def _mismatch(purchase: Purchase, intent: answers.Intent) -> str:
    """Why this intent cannot be the purchase's, or "" when all facts agree."""
    ours = (purchase.amount_cents, "usd", purchase.payer.stripe_customer)
    theirs = (intent.amount, intent.currency, intent.customer)
    if ours != theirs:
        return f"Ours: {ours}; Stripe's: {theirs}."
    if intent.status == "succeeded" and intent.amount_received != purchase.amount_cents:
        return f"Stripe received {intent.amount_received} of {purchase.amount_cents} cents."
    return ""


def _adopt(purchase: Purchase, intent: answers.Intent) -> None:
    """An event can be faster than our own transaction that stores the intent's id."""
    if purchase.state == State.CREATED:
        purchase.payment_intent = intent.id
        purchase.state = State.SUBMITTED
        purchase.submitted_at = clock.now()
        purchase.save(update_fields=["payment_intent", "state", "submitted_at"])


def _apply(purchase: Purchase, wallet: Wallet, intent: answers.Intent) -> bool:
    """The table of design 4.4, point 5. Returns True when the intent must be canceled."""
    needs_bank = intent.error_code in declines.NEEDS_BANK
    match intent.status:
        case "succeeded":
            _succeed(purchase, wallet)
        case "requires_action":
            _await_bank(purchase, wallet)
        case "requires_payment_method" if needs_bank:
            _await_bank(purchase, wallet)
        case "requires_payment_method":
            return True
        case "canceled":
            code = intent.decline_code or intent.error_code or purchase.decline_code
            if code and not needs_bank:
                _close(purchase, wallet, State.DECLINED, code=code)
            else:
                _close(purchase, wallet, State.CANCELED, code=code)
    return False


def _await_bank(purchase: Purchase, wallet: Wallet) -> None:
    if purchase.state == State.REQUIRES_ACTION:
        return
    purchase.state = State.REQUIRES_ACTION
    purchase.error_text = "Your bank needs you to confirm this payment."
    purchase.save(update_fields=["state", "error_text"])
    policies[purchase.purpose].requires_action(purchase, wallet)


def _succeed(purchase: Purchase, wallet: Wallet) -> None:
    """Mark it paid and credit what it bought, together."""
    purchase.state = State.SUCCEEDED
    purchase.closed_at = clock.now()
    purchase.error_text = purchase.decline_code = ""
    purchase.receipt_number = _next_receipt_number()
    purchase.save(
        update_fields=["state", "closed_at", "error_text", "decline_code", "receipt_number"]
    )
    ledger.post(movements=_bought(purchase, wallet), wallets={wallet.pk: wallet})
    policies[purchase.purpose].succeeded(purchase, wallet)


def _bought(purchase: Purchase, wallet: Wallet) -> list[ledger.Movement]:
    """What the money buys: debt first, then minutes at the frozen rate; the fraction is credit.

    An allocation always credits all its minutes: its money is the agency's, the debt is not.
    """
    amount = dollars(purchase.amount_cents)
    parts = {Pot.PREMIUM: 0, Pot.BASIC: 0, Pot.CREDIT: amount}
    if purchase.buys == Purchase.Buys.ALLOCATION:
        parts = {
            Pot.PREMIUM: purchase.premium_minutes * 60,
            Pot.BASIC: purchase.basic_minutes * 60,
        }
    elif purchase.buys != Purchase.Buys.CREDIT:
        rate = getattr(purchase, f"{purchase.buys}_rate")
        found = bought(amount=amount, credit=wallet.credit.amount, rate=rate)
        parts = {Pot(purchase.buys): found.seconds, Pot.CREDIT: found.credit}
    return [
        ledger.Movement(
            wallet_id=wallet.pk,
            pot=pot,
            amount=part,
            kind=LedgerEntry.Kind(purchase.purpose),
            key=f"purchase:{purchase.pk}",
            purchase_id=purchase.pk,
            actor_id=purchase.requested_by_id,
        )
        for pot, part in parts.items()
    ]


def _next_receipt_number() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('wallets_receipt_number')")
        return cursor.fetchone()[0]


def _close(purchase: Purchase, wallet: Wallet, state: str, *, code: str) -> None:
    """End it without money: declined with a reason, or canceled."""
    purchase.state = state
    purchase.closed_at = clock.now()
    purchase.decline_code = code[:100]
    declined = state == State.DECLINED
    purchase.error_text = declines.sentence(card=purchase.card, code=code) if declined else ""
    purchase.save(update_fields=["state", "closed_at", "decline_code", "error_text"])
    policy = policies[purchase.purpose]
    (policy.declined if declined else policy.canceled)(purchase, wallet)


def close_without_intent(purchase_id: UUID, state: str, *, code: str = "") -> None:
    """Close a purchase for which no intent can ever be confirmed."""
    with locked(purchase_id) as (purchase, wallet):
        if purchase.state == State.CREATED:
            _close(purchase, wallet, state, code=code)


def quarantine(purchase_id: UUID, reason: str) -> None:
    with locked(purchase_id) as (purchase, _wallet):
        _mark_quarantined(purchase, reason)


def _mark_quarantined(purchase: Purchase, reason: str) -> None:
    """Keep it away from the ledger until support has decided."""
    if purchase.quarantined_at:
        return
    purchase.quarantined_at = clock.now()
    purchase.quarantine_reason = reason[:200]
    purchase.save(update_fields=["quarantined_at", "quarantine_reason"])
    alert("purchase_quarantined", f"Purchase {purchase.pk}: {reason}", {"id": str(purchase.pk)})


def alert(kind: str, text: str, data: dict) -> None:
    key = f"{kind}:{data.get('id', clock.now().strftime('%Y-%m-%dT%H'))}"
    alert_staff(kind=kind, text=text, data=data, dedupe_key=key)
