"""Purchases as tests look at them: claimed, asked about at Stripe, credited."""

from wallets.recharges import auto_recharge
from wallets.stripe import gateway

CREATE = "/v1/payment_intents"
CONFIRM = r"/v1/payment_intents/[^/]+/confirm"


def claim(wallet):
    return auto_recharge.claim(wallet_id=wallet.pk)[1]


def taken(stripe):
    """What Stripe really took, in cents, per successful intent."""
    intents = stripe.truth()["payment_intents"]
    return [intent["amount"] for intent in intents if intent["status"] == "succeeded"]


def credit(wallet):
    wallet.refresh_from_db()
    return wallet.credit.amount


def keys(stripe, purchase):
    """The idempotency keys Stripe saw for it, without their repetitions."""
    seen = [one["idempotency_key"] or "" for one in stripe.requests()]
    mine = [key.removeprefix(f"{purchase.pk}:") for key in seen if str(purchase.pk) in key]
    return list(dict.fromkeys(mine))


def during(monkeypatch, step, happens):
    """Let this happen once, after Stripe did the step and before we hear of it."""
    real = getattr(gateway, step)

    def first(**facts):
        monkeypatch.setattr(gateway, step, real)
        try:
            return real(**facts)
        finally:
            happens(facts)

    monkeypatch.setattr(gateway, step, first)
