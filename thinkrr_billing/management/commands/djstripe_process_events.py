"""Would apply nothing: our inbox applies events, and dj-stripe's fails with this version."""

from djstripe.management.commands import djstripe_process_events

from thinkrr_billing.management.refusing import Refusing


class Command(Refusing, djstripe_process_events.Command):
    why = (
        "Not here: dj-stripe hears no event, our inbox does. For one event use “Apply again” in "
        "Support, Stripe's events; refunds and disputes that no event told are caught up with each "
        "hour, and manage.py compare_with_stripe compares all payments."
    )
