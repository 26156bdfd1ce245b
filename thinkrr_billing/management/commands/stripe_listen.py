"""Would lead events to a page of dj-stripe's that we do not have."""

from djstripe.management.commands import stripe_listen

from thinkrr_billing.management.refusing import Refusing


class Command(Refusing, stripe_listen.Command):
    why = (
        "Not here: dj-stripe's own page for events is not served. Run "
        "stripe listen --forward-to localhost:8000/stripe/webhook/ and give the secret it prints "
        "as STRIPE_WEBHOOK_SECRET, beside the STRIPE_SECRET_KEY of the same test mode."
    )
