"""Support asks Stripe about a refund or a dispute that has not ended."""

from uuid import UUID

from wallets.charging.resolving import answered
from wallets.errors import Refused
from wallets.models import Reversal
from wallets.reversals import disputes, refunds
from wallets.stripe import gateway


def ask_stripe(*, reversal_id: UUID) -> Reversal:
    """Read it at Stripe, and bring it as far as Stripe lets it. Repeatable.

    A refund that Stripe has not heard of is sent; one that was left alone is taken up again. Call
    with no transaction open. Raises Refused when it has ended or Stripe will not, and
    GatewayUnreachable without an answer.
    """
    reversal = Reversal.objects.get(pk=reversal_id)
    if reversal.state not in refunds.OPEN:
        raise Refused(f"It has ended already: {reversal.get_state_display().lower()}.")
    with answered(), gateway.person_waiting():
        if reversal.kind == Reversal.Kind.DISPUTE:
            disputes.apply_dispute(dispute_id=reversal.stripe_id)
        else:
            refunds.bring_on(reversal_id=reversal_id)
    Reversal.objects.filter(pk=reversal_id).update(tries=0, rests_until=None)
    return Reversal.objects.get(pk=reversal_id)
