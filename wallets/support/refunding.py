"""Refunds by support, alone or by two people."""

from uuid import UUID

from accounts.models import User
from wallets.models import AdjustmentRequest, Purchase, Reversal
from wallets.prices.amounts import dollars
from wallets.reversals import refunds
from wallets.reversals.pots import locked_purchase
from wallets.support import policy
from wallets.texts import cents


def refund(
    *,
    purchase_id: UUID,
    amount_cents: int,
    actor: User,
    reason: str,
    form_key: str,
    customer_note: str = "",
) -> Reversal | AdjustmentRequest:
    """Refund a purchase in full or part, or ask a second person when it is too much for one.

    The same form again answers with what it made. Call with no transaction open. Raises what
    `refunds.refund` raises; then nothing was changed.
    """
    policy.check_note(reason)
    with locked_purchase(purchase_id) as locked:
        deed = policy.Deed(
            kind=policy.Kind.REFUND,
            person=actor,
            note=reason,
            form_key=form_key,
            wallet=locked.wallets[locked.purchase.wallet_id],
            customer_note=customer_note,
            facts={"purchase": str(purchase_id), "cents": str(amount_cents)},
        )
        if before := policy.earlier(deed):
            return _made(before)
        refunds.check(locked, amount_cents)
        what = _what(locked.purchase, amount_cents)
        row = policy.decide(deed, worth=dollars(amount_cents), what=what)
        if row.state == policy.State.ASKED:
            return row
        return refunds.decide(
            locked,
            amount_cents,
            actor=actor,
            reason=reason,
            form_key=form_key,
            customer_note=policy.customer_note(row),
        )


def approve(*, request: AdjustmentRequest, actor: User) -> str:
    """Refund what somebody else asked for. Raises what `policy.undecided` and `refund` raise."""
    with locked_purchase(UUID(request.facts["purchase"])) as locked:
        row = policy.undecided(request_id=request.pk, actor=actor)
        amount_cents = int(row.facts["cents"])
        refunds.decide(
            locked,
            amount_cents,
            actor=row.asked_by,
            reason=row.note,
            form_key=f"request:{row.pk}",
            customer_note=policy.customer_note(row),
        )
        policy.approved(row, actor=actor)
    return f"{cents(amount_cents)} goes back to {locked.purchase.card}."


def _made(before: AdjustmentRequest) -> Reversal | AdjustmentRequest:
    if before.state == policy.State.ALONE:
        return Reversal.objects.get(form_key=before.form_key)
    return before


def _what(purchase: Purchase, amount_cents: int) -> str:
    return (
        f"Refund {cents(amount_cents)} of {cents(purchase.amount_cents)} paid by "
        f"{purchase.payer.name} to {purchase.card}"
    )
