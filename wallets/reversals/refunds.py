"""Refunds: support decides, the ledger follows at once, Stripe is told, and its answer is final.

Refunds made in Stripe's dashboard are imported. What is taken from which pot is decided in
`pots`.
"""

import logging
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from accounts import clock
from accounts.models import User
from accounts.runtime.nudges import nudge
from accounts.runtime.queues import Queue, awake
from accounts.telling.notifications import alert_staff
from wallets import limits
from wallets.charging import rows
from wallets.errors import FormReused, InvalidAmount, Refused
from wallets.models import AutoRecharge, Purchase, Reversal
from wallets.prices.amounts import dollars
from wallets.recharges import suspensions
from wallets.reversals import notices
from wallets.reversals.crediting import credited
from wallets.reversals.pots import LockedPurchase, give_back, locked_purchase, refundable, take
from wallets.stripe import answers, gateway
from wallets.texts import usd

logger = logging.getLogger(__name__)

Kind = Reversal.Kind
State = Reversal.State
OPEN = (State.CREATED, State.SUBMITTED)

# What Stripe says of a refund, and what it means here.
STATES = {
    "pending": State.SUBMITTED,
    "requires_action": State.SUBMITTED,
    "succeeded": State.SUCCEEDED,
    "failed": State.FAILED,
    "canceled": State.FAILED,
}


def has_failed(found: dict) -> bool:
    """Whether a refund, as Stripe describes it, gave nothing back."""
    return STATES.get(found["status"]) == State.FAILED


def refund(
    *, purchase_id: UUID, amount_cents: int, actor: User | None, reason: str, form_key: str
) -> Reversal:
    """Decide to refund a purchase in full or part. The entries are posted now, Stripe is told next.

    The same form again answers with the first refund. Raises InvalidAmount, FormReused, or
    Refused while a dispute or another refund is open; then nothing was changed.
    """
    if not reason.strip():
        raise InvalidAmount("Say why you refund this.", fields={"reason": "Say why."})
    with locked_purchase(purchase_id) as locked:
        return decide(locked, amount_cents, actor=actor, reason=reason, form_key=form_key)


def decide(
    locked: LockedPurchase,
    amount_cents: int,
    *,
    actor: User | None,
    reason: str,
    form_key: str,
    customer_note: str = "",
) -> Reversal:
    """The same, within the locks of the caller. `customer_note` is what the payer reads."""
    if before := Reversal.objects.filter(form_key=form_key).first():
        return _repeated(before, locked.purchase.pk, amount_cents)
    check(locked, amount_cents)
    reversal = Reversal.objects.create(
        purchase=locked.purchase,
        kind=Kind.REFUND,
        amount_cents=amount_cents,
        form_key=form_key,
        actor=actor,
        reason=reason.strip()[:200],
        customer_note=customer_note,
    )
    _post(reversal, locked)
    nudge("wallets.drive_refund", str(reversal.pk))
    return reversal


def _repeated(before: Reversal, purchase_id: UUID, amount_cents: int) -> Reversal:
    if (before.purchase_id, before.amount_cents) != (purchase_id, amount_cents):
        raise FormReused("This form was already used for another refund. Open a new one.")
    return before


def check(locked: LockedPurchase, amount_cents: int) -> None:
    """Raise Refused or InvalidAmount unless this much of the purchase can be refunded now."""
    purchase = locked.purchase
    if purchase.state != Purchase.State.SUCCEEDED:
        raise Refused("Only a paid purchase can be refunded.")
    open_kinds = purchase.reversals.filter(state__in=OPEN).values_list("kind", flat=True)
    if Kind.DISPUTE in open_kinds:
        raise Refused("This payment is disputed. Wait until the dispute is closed.")
    if open_kinds:
        raise Refused("Another refund of this payment is on its way. Wait for its result.")
    left = refundable(purchase, wallet=locked.wallets[purchase.wallet_id])
    if type(amount_cents) is not int or not 1 <= amount_cents <= left.cents:
        message = f"Refund between $0.01 and {usd(dollars(left.cents))}."
        if not left.cents:
            message = "Nothing of this purchase is left to refund."
        raise InvalidAmount(message, fields={"amount": message})


def _post(reversal: Reversal, locked: LockedPurchase) -> None:
    """Take the money's worth, and keep Auto-Recharge from charging it again."""
    take(reversal, wallets=locked.wallets, payer_wallet_id=locked.payer_wallet.pk)
    if locked.purchase.purpose != Purchase.Purpose.ALLOCATION:
        suspensions.suspend(wallet=locked.payer_wallet, reason=AutoRecharge.Suspended.REFUNDED)
    notices.tell_refunded(reversal, locked.purchase)


def _open(now: datetime) -> QuerySet:
    """Refunds without a final answer."""
    return Reversal.objects.filter(
        awake(now),
        kind=Kind.REFUND,
        state__in=OPEN,
        created_at__lt=now - limits.SWEEP_AFTER,
    )


# A bank takes days over some: an hour more or less is nothing to them.
WAITING = Queue(kind="refund", rows=_open, longest_wait=timedelta(hours=1))


def drive_refund(*, reversal_id: UUID) -> Reversal:
    """Tell Stripe, or ask what became of it. Safe to repeat, and to run twice at once.

    Call with no transaction open. An unknown outcome leaves the refund open for the sweep.
    """
    try:
        return bring_on(reversal_id=reversal_id)
    except answers.Unknown:
        logger.info("refund %s has no definite answer yet", reversal_id)
    except (answers.Misconfigured, answers.KeyConflict) as error:
        _alert(f"refund-key:{reversal_id}", f"Stripe refuses refund {reversal_id}: {error}")
    return Reversal.objects.get(pk=reversal_id)


def bring_on(*, reversal_id: UUID) -> Reversal:
    """The same for somebody who waits for the answer. Raises GatewayError without one."""
    reversal = Reversal.objects.select_related("purchase").get(pk=reversal_id)
    if reversal.kind != Kind.REFUND or reversal.state not in OPEN:
        return reversal
    with rows.in_log(reversal.purchase):
        found = _ask(reversal)
        if found is None:
            found = _create(reversal)
        if found is not None:
            _record(reversal.pk, found)
    reversal.refresh_from_db()
    return reversal


def _ask(reversal: Reversal) -> dict[str, Any] | None:
    """What Stripe knows of this refund; None before it was ever told."""
    if reversal.stripe_id:
        return gateway.retrieve_refund(refund_id=reversal.stripe_id)
    if reversal.state == State.CREATED:
        return None
    return _find(reversal)


def _find(reversal: Reversal) -> dict[str, Any] | None:
    """A call whose answer was lost may have worked: our id in its metadata tells."""
    ours = (
        found
        for found in gateway.list_refunds(intent_id=reversal.purchase.payment_intent)
        if (found.get("metadata") or {}).get("reversal") == str(reversal.pk)
    )
    return next(ours, None)


def _create(reversal: Reversal) -> dict[str, Any] | None:
    """Ask Stripe to refund. What it will never do is put back."""
    Reversal.objects.filter(pk=reversal.pk, state=State.CREATED).update(state=State.SUBMITTED)
    try:
        return gateway.create_refund(
            key=f"{reversal.pk}:refund",
            intent_id=reversal.purchase.payment_intent,
            amount=reversal.amount_cents,
            metadata={"reversal": str(reversal.pk), "purchase": str(reversal.purchase_id)},
        )
    except (answers.Impossible, answers.Declined, answers.StateChanged) as error:
        # An earlier call may have worked and left nothing for this one.
        found = _find(reversal)
        if found is None:
            with locked_purchase(reversal.purchase_id) as locked:
                # Another driver may have made it since: then Stripe's last word on it is known.
                if (row := _lock_reversal(reversal.pk)).stripe_id is None:
                    _fail(row, locked, str(error))
        return found


def settle_refund(*, refund_id: str) -> Reversal | None:
    """Read a refund at Stripe and make our row agree. Repeating it changes nothing.

    A refund that is none of our rows but of our paid purchase is imported, once that is credited.
    Returns None when it is of nothing we credited. Raises NotYet, or GatewayError when Stripe
    gives no definite answer.
    """
    return settle_refund_from(found=gateway.retrieve_refund(refund_id=refund_id))


def settle_refund_from(*, found: dict[str, Any]) -> Reversal | None:
    """The same, from what was just read at Stripe."""
    if reversal := _reversal_of(found):
        _record(reversal.pk, found)
        reversal.refresh_from_db()
        return reversal
    if has_failed(found):
        return None
    purchase = credited(intent_id=found.get("payment_intent"))
    return purchase and _import(purchase, found)


def _reversal_of(found: dict[str, Any]) -> Reversal | None:
    """Our row by its Stripe id, or by its metadata when we died before storing that.

    One look: between two, somebody else may store it.
    """
    which = Q(stripe_id=found["id"])
    with suppress(ValueError):
        which |= Q(pk=UUID((found.get("metadata") or {}).get("reversal") or ""), stripe_id=None)
    # Several only when metadata was copied by hand: the id, which is its own, decides.
    return Reversal.objects.filter(which).order_by("stripe_id").first()


def _import(purchase: Purchase, found: dict[str, Any]) -> Reversal:
    """A refund made at Stripe is a fact, whatever our own rules would have said.

    It counts as refunded even while pending: only one that we started is driven.
    """
    with locked_purchase(purchase.pk) as locked:
        if known := Reversal.objects.filter(stripe_id=found["id"]).first():
            return known
        reversal = Reversal.objects.create(
            purchase=locked.purchase,
            kind=Kind.REFUND,
            amount_cents=found["amount"],
            state=State.SUCCEEDED,
            stripe_id=found["id"],
            reason="Refunded at Stripe",
            closed_at=clock.now(),
        )
        _post(reversal, locked)
    return reversal


def _record(reversal_id: UUID, found: dict[str, Any]) -> None:
    """Move the row to what Stripe says, under the wallet's lock."""
    purchase_id = Reversal.objects.values_list("purchase_id", flat=True).get(pk=reversal_id)
    with locked_purchase(purchase_id) as locked:
        reversal = _lock_reversal(reversal_id)
        if problem := _mismatch(reversal, locked.purchase, found):
            _alert(f"refund-mismatch:{reversal_id}", problem)
            return
        if reversal.stripe_id is None:
            reversal.stripe_id = found["id"]
            reversal.save(update_fields=["stripe_id"])
        state = STATES.get(found["status"], reversal.state)
        if reversal.state == State.FAILED:
            if state != State.FAILED:
                text = f"Refund {reversal_id} was put back, but Stripe says {found['status']}."
                _alert(f"refund-after-all:{reversal_id}", text)
        elif state == State.FAILED:
            _fail(reversal, locked, found.get("failure_reason") or found["status"])
        elif state == State.SUCCEEDED and reversal.state != State.SUCCEEDED:
            reversal.state = state
            reversal.closed_at = clock.now()
            reversal.save(update_fields=["state", "closed_at"])


def _lock_reversal(reversal_id: UUID) -> Reversal:
    return Reversal.objects.select_for_update(no_key=True).get(pk=reversal_id)


def _mismatch(reversal: Reversal, purchase: Purchase, found: dict[str, Any]) -> str:
    """Why Stripe's refund cannot be ours, or "" when the facts agree."""
    ours = (purchase.payment_intent, reversal.amount_cents, reversal.stripe_id or found["id"])
    theirs = (found.get("payment_intent"), found["amount"], found["id"])
    return "" if ours == theirs else f"Refund {reversal.pk}: ours {ours}, Stripe's {theirs}."


def _fail(reversal: Reversal, locked: LockedPurchase, why: str) -> None:
    """The money did not reach the customer: what was taken goes back. A bank may say so late."""
    if reversal.state == State.FAILED:
        return
    reversal.state = State.FAILED
    reversal.closed_at = clock.now()
    reversal.error_text = why[:300]
    reversal.save(update_fields=["state", "closed_at", "error_text"])
    give_back(reversal, wallets=locked.wallets)
    _alert(f"refund-failed:{reversal.pk}", f"Refund {reversal.pk} failed: {why}")
    notices.tell_refund_failed(reversal, locked.purchase)


def _alert(key: str, text: str) -> None:
    alert_staff(kind="refund", text=text, dedupe_key=key)
