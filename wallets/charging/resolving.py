"""Purchases that support looks into: ask Stripe, give up what is not paid, release a quarantine.

Each ends as Stripe says; nothing here decides on its own that money was or was not taken.
"""

import logging
from uuid import UUID

from django.db import transaction

from accounts.models import User
from wallets.balances import ledger
from wallets.charging import purchases
from wallets.errors import GatewayUnreachable, Refused
from wallets.models import Purchase
from wallets.stripe import answers, gateway

logger = logging.getLogger(__name__)

UNREACHABLE = "Stripe is not answering. Nothing was changed; try again in a minute."


def resolve(*, purchase_id: UUID, actor: User) -> Purchase:
    """Ask Stripe what became of it, and bring it as far as Stripe lets it.

    An open one is driven on; a closed one is compared with its intent. One in quarantine is
    looked at afresh, and goes back there when the facts still differ. Call with no transaction
    open. Raises Refused when there is nothing to ask, GatewayUnreachable without an answer.
    """
    _release(purchase_id)
    purchase = Purchase.objects.get(pk=purchase_id)
    if not purchase.is_open and not purchase.payment_intent:
        raise Refused("Stripe was never asked to charge this, so it cannot have been paid.")
    try:
        with gateway.person_waiting():
            if purchase.is_open:
                return purchases.drive(purchase_id=purchase_id)
            return purchases.settle(payment_intent=purchase.payment_intent) or purchase
    except answers.GatewayError as error:
        raise GatewayUnreachable(UNREACHABLE) from error


def _release(purchase_id: UUID) -> None:
    wallet_id = Purchase.objects.values_list("wallet_id", flat=True).get(pk=purchase_id)
    with transaction.atomic():
        ledger.lock_one(wallet_id=wallet_id)
        purchase = Purchase.objects.locked().get(pk=purchase_id)
        if purchase.quarantined_at:
            logger.info("purchase %s leaves quarantine to be looked at again", purchase_id)
            purchase.quarantined_at, purchase.quarantine_reason = None, ""
            purchase.save(update_fields=["quarantined_at", "quarantine_reason"])


def give_up(*, purchase_id: UUID, actor: User) -> Purchase:
    """Cancel a purchase that is not paid, at Stripe and here. Stripe's answer decides.

    Raises Refused when it has ended, GatewayUnreachable when Stripe gives no definite answer.
    """
    purchase = Purchase.objects.get(pk=purchase_id)
    if not purchase.is_open:
        raise Refused(f"It has ended already: {purchase.get_state_display().lower()}.")
    try:
        with gateway.person_waiting():
            return purchases.cancel(purchase_id=purchase_id)
    except answers.GatewayError as error:
        raise GatewayUnreachable(UNREACHABLE) from error
