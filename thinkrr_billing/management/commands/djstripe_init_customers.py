"""Would make a customer at Stripe for each person; ours belong to accounts."""

from djstripe.management.commands import djstripe_init_customers

from thinkrr_billing.management.refusing import Refusing


class Command(Refusing, djstripe_init_customers.Command):
    why = (
        "Not here: it would make a customer at Stripe for each person, and ours belong to "
        "accounts, which have theirs from their first card on. For one account use “Renew the "
        "link to Stripe's customer” on its page, for the mirror djstripe_sync_models."
    )
