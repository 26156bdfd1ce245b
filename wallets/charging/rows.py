"""Every write of a purchase's row: with the wallet locked, then the purchase.

A step that ends it, or hands it to the bank, tells the purpose's `Policy` in the same transaction.
Nothing here speaks to Stripe.
"""

import logging
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from uuid import UUID

from django.db import connection, transaction
from structlog.contextvars import bound_contextvars

from accounts import clock
from accounts.telling.notifications import alert_staff
from wallets import limits
from wallets.balances import ledger
from wallets.charging import declines, parties
from wallets.charging.policies import policies
from wallets.models import LedgerEntry, Pot, Purchase, Wallet
from wallets.prices.amounts import SECONDS_PER_MINUTE, bought, dollars
from wallets.why.codes import Recharge

logger = logging.getLogger(__name__)

State = Purchase.State


@contextmanager
def locked(purchase_id: UUID) -> Iterator[tuple[Purchase, Wallet]]:
    """A transaction of its own, with the wallet and then the purchase locked."""
    found = Purchase.objects.only("wallet_id", "payer_id").get(pk=purchase_id)
    with in_log(found):
        with transaction.atomic(durable=True):
            wallet = ledger.lock_one(wallet_id=found.wallet_id)
            purchase = Purchase.objects.locked().select_related("payer").get(pk=purchase_id)
            before = purchase.state
            yield purchase, wallet
        if purchase.state != before:
            logger.info("purchase %s is %s", purchase_id, purchase.state)


def in_log(purchase: Purchase) -> AbstractContextManager[None]:
    """Each line of the log within names this purchase, its wallet and the account that pays."""
    return bound_contextvars(
        purchase=str(purchase.pk), wallet=str(purchase.wallet_id), account=str(purchase.payer_id)
    )


def submit(purchase_id: UUID, intent_id: str) -> int | None:
    """Store the intent, and look a last time. Returns the number of the confirmation to send, 0
    when it is not wanted, None when another driver was first: then only Stripe knows how far it is.
    """
    with locked(purchase_id) as (purchase, wallet):
        if purchase.attempts:
            return None
        if not purchase.is_open:
            return 0
        adopt(purchase, intent_id)
        return _count_attempt_if_wanted(purchase, wallet)


def adopt(purchase: Purchase, intent_id: str) -> None:
    """Store the intent of a purchase that has none; an event can be faster than `submit`."""
    if purchase.state == State.CREATED:
        purchase.payment_intent = intent_id
        purchase.state = State.SUBMITTED
        purchase.submitted_at = clock.now()
        purchase.save(update_fields=["payment_intent", "state", "submitted_at"])


def confirm_again(purchase_id: UUID, *, after: int) -> int | None:
    """Count another confirmation, after so many. Returns its number, 0 when the money is not wanted
    any more, None when the row has moved on since: then what was read at Stripe is old."""
    with locked(purchase_id) as (purchase, wallet):
        if (purchase.state, purchase.attempts) != (State.SUBMITTED, after):
            return None
        return _count_attempt_if_wanted(purchase, wallet)


def _count_attempt_if_wanted(purchase: Purchase, wallet: Wallet) -> int:
    if is_stale(purchase):
        return 0
    decision = policies[purchase.purpose].still_wanted(purchase, wallet)
    if not decision.wanted:
        logger.info("purchase %s is not wanted any more: %s", purchase.pk, decision.code)
        return 0
    return _count_attempt(purchase)


def is_stale(purchase: Purchase) -> bool:
    """Whether it is too old to be confirmed: the reason to buy was looked at too long ago."""
    within = (
        limits.CONFIRM_ALLOCATION_WITHIN if purchase.allocation_run_id else limits.CONFIRM_WITHIN
    )
    return clock.now() - purchase.created_at > within


def is_in_the_way(purchase_id: UUID) -> bool:
    """Whether it waits for the bank while another card was chosen, to be charged once it ends."""
    with locked(purchase_id) as (purchase, wallet):
        if purchase.state != State.REQUIRES_ACTION:
            return False
        return (
            policies[purchase.purpose].still_wanted(purchase, wallet).code == Recharge.CARD_CHANGED
        )


def count_attempt(*, purchase_id: UUID) -> int:
    """The number of the next confirmation, for its idempotency key."""
    with locked(purchase_id) as (purchase, _wallet):
        return _count_attempt(purchase)


def _count_attempt(purchase: Purchase) -> int:
    purchase.attempts += 1
    purchase.given_up_at = None
    purchase.save(update_fields=["attempts", "given_up_at"])
    return purchase.attempts


def await_bank(purchase: Purchase, wallet: Wallet) -> None:
    """Nothing more is done until its owner has confirmed it with the bank."""
    if purchase.state == State.REQUIRES_ACTION:
        return
    purchase.state = State.REQUIRES_ACTION
    purchase.error_text = "Your bank needs you to confirm this payment."
    purchase.save(update_fields=["state", "error_text"])
    policies[purchase.purpose].requires_action(purchase, wallet)


def succeed(purchase: Purchase, wallet: Wallet) -> None:
    """Mark it paid and credit what it bought, together."""
    purchase.state = State.SUCCEEDED
    purchase.closed_at = clock.now()
    purchase.error_text = purchase.decline_code = ""
    purchase.receipt_number = _next_receipt_number()
    purchase.save(
        update_fields=["state", "closed_at", "error_text", "decline_code", "receipt_number"]
    )
    parties.freeze(purchase)
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
            Pot.PREMIUM: purchase.premium_minutes * SECONDS_PER_MINUTE,
            Pot.BASIC: purchase.basic_minutes * SECONDS_PER_MINUTE,
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


def close(purchase: Purchase, wallet: Wallet, state: str, *, code: str) -> None:
    """End it without money: declined with a reason, or canceled."""
    purchase.state = state
    purchase.closed_at = clock.now()
    purchase.decline_code = code[:100]
    declined = state == State.DECLINED
    purchase.error_text = declines.CANCELED_UNEXPLAINED if purchase.ended_unexplained else ""
    if declined:
        purchase.error_text = _why_declined(purchase, code)
    purchase.save(update_fields=["state", "closed_at", "decline_code", "error_text"])
    policy = policies[purchase.purpose]
    (policy.declined if declined else policy.canceled)(purchase, wallet)


def _why_declined(purchase: Purchase, code: str) -> str:
    if purchase.instead_of:
        instead_of = purchase.instead_of
        return declines.of_backup(card=purchase.card, code=code, instead_of=instead_of)
    return declines.sentence(card=purchase.card, code=code)


def close_without_intent(purchase_id: UUID, state: str, *, code: str = "") -> None:
    """Close a purchase for which no intent can ever be confirmed."""
    with locked(purchase_id) as (purchase, wallet):
        if purchase.state == State.CREATED:
            close(purchase, wallet, state, code=code)


def give_up(purchase_id: UUID) -> None:
    """Note that we cancel it at Stripe, and mean to: then it was not a refusal."""
    with locked(purchase_id) as (purchase, _wallet):
        if purchase.is_open:
            purchase.given_up_at = clock.now()
            purchase.save(update_fields=["given_up_at"])


def keep(purchase_id: UUID) -> None:
    """Take giving up back: Stripe refused to cancel it."""
    with locked(purchase_id) as (purchase, _wallet):
        if purchase.is_open:
            purchase.given_up_at = None
            purchase.save(update_fields=["given_up_at"])


def keep_code(purchase_id: UUID, code: str) -> None:
    """Note why Stripe will never confirm it; the canceled intent will not say so itself."""
    with locked(purchase_id) as (purchase, _wallet):
        if purchase.is_open:
            purchase.decline_code = code[:100]
            purchase.save(update_fields=["decline_code"])


def quarantine(purchase_id: UUID, reason: str) -> None:
    with locked(purchase_id) as (purchase, _wallet):
        mark_quarantined(purchase, reason)


def mark_quarantined(purchase: Purchase, reason: str) -> None:
    """Keep it away from the ledger until support has decided."""
    if purchase.quarantined_at:
        return
    purchase.quarantined_at = clock.now()
    purchase.quarantine_reason = reason[:200]
    purchase.save(update_fields=["quarantined_at", "quarantine_reason"])
    alert("purchase_quarantined", f"Purchase {purchase.pk}: {reason}", {"id": str(purchase.pk)})


def release(purchase: Purchase) -> None:
    """Let it out of quarantine, to be looked at afresh in the same transaction."""
    if purchase.quarantined_at:
        logger.info("purchase %s leaves quarantine to be looked at again", purchase.pk)
        purchase.quarantined_at, purchase.quarantine_reason = None, ""
        purchase.save(update_fields=["quarantined_at", "quarantine_reason"])


def release_unsubmitted(purchase_id: UUID) -> None:
    """Let one out that Stripe has no intent for: it is driven on, or closed for its age."""
    with locked(purchase_id) as (purchase, _wallet):
        if purchase.state == State.CREATED:
            release(purchase)


def alert(kind: str, text: str, data: dict) -> None:
    """Tell support, once about one purchase, else once an hour."""
    key = f"{kind}:{data.get('id', clock.now().strftime('%Y-%m-%dT%H'))}"
    alert_staff(kind=kind, text=text, data=data, dedupe_key=key)
