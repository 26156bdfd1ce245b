"""Stripe's routes, one module for each kind of object. `router` gets them all from this import."""

from thinkrr_billing.sandbox.stripe.routes import (
    account,
    balance,
    checkout_sessions,
    customers,
    disputes,
    events,
    payment_intents,
    payment_methods,
    refunds,
    setup_intents,
    webhook_endpoints,
)

__all__ = [
    "account",
    "balance",
    "checkout_sessions",
    "customers",
    "disputes",
    "events",
    "payment_intents",
    "payment_methods",
    "refunds",
    "setup_intents",
    "webhook_endpoints",
]
