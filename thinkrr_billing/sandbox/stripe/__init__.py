"""A stand-in for Stripe's HTTP API on a developer's machine and in tests.

A process of its own (`python -m thinkrr_billing.sandbox.stripe`), standard library only: it knows
neither Django nor our apps. It encodes our reading of Stripe and was never compared with Stripe.
Its rooms, each importing only what stands below it:

    http      sockets, who answers what, a call of the API (key, fault, idempotency, log), pages
    control   the control API under /_sandbox/: scripted faults, bulk import, the truth
    routes    the paths under /v1/ and what each accepts; `control` knows nothing of them
    objects   what customers, cards, intents, refunds ... hold and what changes them; events
    state     store, clock, idempotency keys, webhooks to deliver, and the machine with all of it
    wire      requests, answers, form encoding, errors

`process` starts one from Python. `docs/stripe-sandbox.md` has the test cards and the control API.
"""
