"""The second person: what somebody else asked for is done as it was asked, or it is rejected."""

from collections.abc import Callable

from django.db import transaction

from accounts.models import User
from wallets.models import AdjustmentRequest
from wallets.support import adjusting, plans, policy, refunding, repricing

DOES: dict[str, Callable[..., str]] = {
    policy.Kind.ADJUSTMENT: adjusting.approve,
    policy.Kind.REFUND: refunding.approve,
    policy.Kind.RATE: repricing.approve,
    policy.Kind.INCLUDED: plans.approve,
}


def approve(*, request_id: int, actor: User) -> str:
    """Do what was asked for, and say what was done. Call with no transaction open.

    Raises Refused for one's own or a decided one, and whatever keeps the deed from being done now:
    then the request still waits.
    """
    request = AdjustmentRequest.objects.get(pk=request_id)
    return DOES[request.kind](request=request, actor=actor)


@transaction.atomic
def reject(*, request_id: int, actor: User) -> AdjustmentRequest:
    """Do nothing of it. Whoever asked may take it back this way, too. Raises Refused."""
    return policy.reject(request_id=request_id, actor=actor)
