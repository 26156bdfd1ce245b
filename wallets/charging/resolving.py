"""Purchases that support looks into: ask Stripe, give up what is not paid, release a quarantine.

Each ends as Stripe says; nothing here decides on its own that money was or was not taken.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from wallets.charging import outcomes, purchases, rows
from wallets.errors import GatewayUnreachable, Refused
from wallets.models import Purchase
from wallets.stripe import answers, gateway

NOT_AT_STRIPE = "Stripe cannot do this. Nothing was changed. It says:"
UNREACHABLE = "Stripe is not answering. Nothing was changed; try again in a minute."


def resolve(*, purchase_id: UUID) -> Purchase:
    """Ask Stripe what became of it, and bring it as far as Stripe lets it.

    An open one is driven on; a closed one is compared with its intent. One in quarantine is
    looked at afresh with what was just read, and stays there when the facts still differ. Call
    with no transaction open. Raises Refused when there is nothing to ask, GatewayUnreachable
    without an answer; then nothing was changed.
    """
    purchase = Purchase.objects.select_related("payer").get(pk=purchase_id)
    if not purchase.is_open and not purchase.payment_intent:
        raise Refused("Stripe was never asked to charge this, so it cannot have been paid.")
    with answered(), gateway.person_waiting():
        intent = purchases.at_stripe(purchase)
        if intent:
            outcomes.record(purchase_id, intent, release=True)
        else:
            rows.release_unsubmitted(purchase_id)
        return purchases.drive(purchase_id=purchase_id)


def give_up(*, purchase_id: UUID) -> Purchase:
    """Cancel a purchase that is not paid, at Stripe and here. Stripe's answer decides.

    Raises Refused when it has ended, GatewayUnreachable when Stripe gives no definite answer.
    """
    purchase = Purchase.objects.get(pk=purchase_id)
    if not purchase.is_open:
        raise Refused(f"It has ended already: {purchase.get_state_display().lower()}.")
    with answered(), gateway.person_waiting():
        return purchases.cancel(purchase_id=purchase_id)


@contextmanager
def answered() -> Iterator[None]:
    """Say to whoever asked that Stripe refuses (Refused), or is silent (GatewayUnreachable)."""
    try:
        yield
    except answers.Impossible as error:
        raise Refused(f"{NOT_AT_STRIPE} {error}") from error
    except answers.Misconfigured as error:
        raise Refused(f"Stripe refuses our key: {error}") from error
    except answers.GatewayError as error:
        raise GatewayUnreachable(UNREACHABLE) from error
