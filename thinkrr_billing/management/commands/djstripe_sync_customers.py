"""Would make a customer at Stripe for each person; ours belong to accounts."""

from djstripe.management.commands import djstripe_sync_customers

from thinkrr_billing.management.commands import djstripe_init_customers
from thinkrr_billing.management.refusing import Refusing


class Command(Refusing, djstripe_sync_customers.Command):
    why = djstripe_init_customers.Command.why
