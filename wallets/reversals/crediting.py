"""The purchase that a refund or a dispute is about, credited before any of it is taken back."""

from wallets.charging import purchases
from wallets.models import Purchase


class NotYet(Exception):
    """What we credit must come first, and cannot yet. Nothing was changed; ask again later."""


def credited(*, intent_id: str | None) -> Purchase | None:
    """The paid purchase of this intent, settled here and now if nothing else has told us of it.

    None when it is none of ours, or was closed and can never be credited. Call with no transaction
    open. Raises NotYet while it is open or in quarantine, GatewayError without a definite answer.
    """
    purchase = Purchase.objects.filter(payment_intent=intent_id).first() if intent_id else None
    if intent_id and (purchase.is_open if purchase else _some_have_no_intent()):
        purchase = purchases.settle(payment_intent=intent_id)
    if purchase is None:
        return None
    if purchase.is_open:
        what = "in quarantine" if purchase.quarantined_at else purchase.state
        raise NotYet(f"Purchase {purchase.pk} is {what}: it must be credited first.")
    return purchase if purchase.state == Purchase.State.SUCCEEDED else None


def _some_have_no_intent() -> bool:
    """Only then can an intent that no row knows be ours: reading it tells."""
    return Purchase.objects.filter(state=Purchase.State.CREATED, payment_intent=None).exists()
