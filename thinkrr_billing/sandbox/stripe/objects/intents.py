"""Payment intents: what a new one holds and may cost; and, of any intent, whether it is open."""

from thinkrr_billing.sandbox.stripe.objects.expanding import public
from thinkrr_billing.sandbox.stripe.state.context import Context
from thinkrr_billing.sandbox.stripe.state.ids import new_id
from thinkrr_billing.sandbox.stripe.wire.errors import ApiError
from thinkrr_billing.sandbox.stripe.wire.params import merge_metadata

MIN_AMOUNT, MAX_AMOUNT = 50, 99_999_999  # Stripe's limits for USD, in cents.
OPEN = ("requires_payment_method", "requires_confirmation", "requires_action")
TEXTS = ("description", "receipt_email", "statement_descriptor", "statement_descriptor_suffix")


def build(ctx: Context, facts: dict) -> dict:
    """Return a new payment intent that is not stored yet."""
    customer = facts.get("customer") or None
    if customer:
        ctx.get(kind="customer", id=customer, param="customer", status=400)
    types = facts.get("payment_method_types")
    automatic = facts.get("automatic_payment_methods")
    if not types and automatic is None:
        automatic = {"enabled": True}
    stamp = ctx.stamp("pi", "payment_intent")
    return stamp | {
        "allowed_payment_method_types": None,
        "amount": facts["amount"],
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": {"allow_redirects": "always", **automatic}
        if automatic and automatic.get("enabled")
        else None,
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": facts.get("capture_method", "automatic_async"),
        "client_secret": new_secret(stamp["id"]),
        "confirmation_method": facts.get("confirmation_method", "automatic"),
        "currency": facts.get("currency", "usd"),
        "customer": customer,
        "customer_account": None,
        **{name: facts.get(name) or None for name in TEXTS},
        "excluded_payment_method_types": None,
        "last_payment_error": None,
        "latest_charge": None,
        "managed_payments": None,
        "metadata": merge_metadata({}, facts.get("metadata")),
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_configuration_details": None,
        "payment_method_options": {
            "card": {
                "installments": None,
                "mandate_options": None,
                "network": None,
                "request_three_d_secure": "automatic",
            }
        },
        "payment_method_types": types or ["card"],
        "processing": None,
        "review": None,
        "setup_future_usage": facts.get("setup_future_usage") or None,
        "shipping": facts.get("shipping") or None,
        "source": None,
        "status": "requires_payment_method",
        "transfer_data": None,
        "transfer_group": facts.get("transfer_group") or None,
    }


def check_amount(amount: int) -> None:
    if amount < 1:
        raise ApiError(
            "This value must be greater than or equal to 1.",
            code="parameter_invalid_integer",
            param="amount",
        )
    if amount < MIN_AMOUNT:
        raise ApiError("Amount must be at least $0.50 usd", code="amount_too_small", param="amount")
    if amount > MAX_AMOUNT:
        raise ApiError(
            "Amount must be no more than $999,999.99", code="amount_too_large", param="amount"
        )


def unexpected_state(intent: dict, message: str) -> ApiError:
    kind = intent["object"]
    return ApiError(
        message, code=f"{kind}_unexpected_state", executed=True, extra={kind: public(intent)}
    )


def new_secret(intent_id: str) -> str:
    return f"{intent_id}_{new_id('secret', length=25)}"
