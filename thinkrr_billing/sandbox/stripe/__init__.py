"""A stand-in for Stripe's HTTP API on a developer's machine and in tests.

A process of its own (`python -m thinkrr_billing.sandbox.stripe`), standard library only: it knows
neither Django nor our apps. It encodes our reading of Stripe and was never compared with Stripe.
Requests come in at `server`, go through `app` (keys, faults, idempotency, one transaction) to the
routes in `routes/`, and what happened leaves through `events` and `webhooks`.
`docs/stripe-sandbox.md` has the test cards and the control API.
"""
