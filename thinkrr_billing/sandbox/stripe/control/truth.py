"""What was really taken from cards and given back, whatever anybody was told."""

from thinkrr_billing.sandbox.stripe.state.store import Store


def truth(store: Store, *, customer: str | None = None) -> dict:
    """Return every payment intent with what is left of it, and the totals in cents."""
    where = {"customer": customer} if customer else None
    refunds: dict[str, list] = {}
    for refund in store.list(kind="refund"):
        refunds.setdefault(refund["payment_intent"], []).append(refund)
    disputes: dict[str, list] = {}
    for dispute in store.list(kind="dispute"):
        disputes.setdefault(dispute["payment_intent"], []).append(dispute)
    intents = [
        _facts(
            intent, refunds=refunds.get(intent["id"], []), disputes=disputes.get(intent["id"], [])
        )
        for intent in store.list(kind="payment_intent", where=where)
    ]
    return {
        "payment_intents": intents,
        "taken": sum(intent["amount_received"] for intent in intents),
        "refunded": sum(intent["amount_refunded"] for intent in intents),
        "disputed": sum(intent["amount_disputed"] for intent in intents),
    }


def _facts(intent: dict, *, refunds: list, disputes: list) -> dict:
    error = intent["last_payment_error"] or {}
    return {
        "id": intent["id"],
        "customer": intent["customer"],
        "created": intent["created"],
        "amount": intent["amount"],
        "amount_received": intent["amount_received"],
        "status": intent["status"],
        "metadata": intent["metadata"],
        "latest_charge": intent["latest_charge"],
        "decline_code": error.get("decline_code") or error.get("code"),
        "amount_refunded": sum(
            refund["amount"] for refund in refunds if refund["status"] in ("succeeded", "pending")
        ),
        "amount_disputed": sum(_withdrawn(dispute) for dispute in disputes),
        "refunds": [
            {
                "id": one["id"],
                "amount": one["amount"],
                "status": one["status"],
                "metadata": one["metadata"],
            }
            for one in refunds
        ],
        "disputes": [
            {
                "id": one["id"],
                "amount": one["amount"],
                "status": one["status"],
                "withdrawn": _withdrawn(one),
            }
            for one in disputes
        ],
    }


def _withdrawn(dispute: dict) -> int:
    """Cents the bank holds now; nothing any more once the dispute was won."""
    return -sum(line["amount"] for line in dispute["balance_transactions"])
