"""Purchases as tests look at them: claimed, asked about at Stripe, credited."""

from wallets.models import Purchase
from wallets.recharges import auto_recharge
from wallets.stripe import answers, gateway
from wallets.tests.worlds.builders import add_card, make_wallet, set_auto_recharge

CREATE = "/v1/payment_intents"
CONFIRM = r"/v1/payment_intents/[^/]+/confirm"
CANCEL = r"/v1/payment_intents/[^/]+/cancel"


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


def refuse_to_confirm(monkeypatch) -> None:
    """Stripe refuses every confirmation, and names no code."""

    def refuse(**facts: object) -> None:
        raise answers.Impossible("This payment cannot be confirmed.")

    monkeypatch.setattr(gateway, "confirm_intent", refuse)


def cancel_at_stripe(monkeypatch) -> None:
    """Let somebody cancel the next intent at Stripe as soon as it is made."""
    real = gateway.create_intent

    def canceled(**facts: object) -> answers.Intent:
        intent = real(**facts)
        gateway.cancel_intent(intent_id=intent.id)
        return intent

    monkeypatch.setattr(gateway, "create_intent", canceled)


def taken_and_not_stored(stripe) -> tuple[Purchase, str]:
    """An automatic charge of $50 on a balance of $8, which Stripe has taken; our row knows nothing
    of its intent, whose id is the second."""
    wallet = make_wallet(credit="8")
    card = add_card(stripe, wallet)
    set_auto_recharge(wallet)
    _, purchase = auto_recharge.claim(wallet_id=wallet.pk)
    intent = gateway.create_intent(
        key=f"{purchase.pk}:create",
        amount=5000,
        customer=wallet.account.stripe_customer,
        payment_method=card.id,
        metadata={"purchase": str(purchase.pk)},
        description="",
    )
    gateway.confirm_intent(key=f"{purchase.pk}:confirm:1", intent_id=intent.id)
    return purchase, intent.id
