"""Ending monthly allocations that nobody asked to end: a card went, or an account was closed.

An agency turns each on again itself. Here is also what every stop does to the row.
"""

from django.db import transaction
from django.db.models import Q

from accounts import clock
from accounts.models import Account
from wallets.allocations import decision_log, month_runs, notices, planning
from wallets.allocations.planning import State
from wallets.cards.uses import Use
from wallets.models import AutoAllocation


def end(allocation: AutoAllocation, what: str, actor: object) -> None:
    """No more charges, and unpaid months are canceled. Call with it locked after its wallet."""
    for run in allocation.runs.filter(state__in=[State.DUE, State.FAILED]):
        unpaid = planning.lock_run(allocation=allocation, pk=run.pk)
        month_runs.close(unpaid, State.CANCELED)
        unpaid.save()
    allocation.active = False
    allocation.skip_period = allocation.failed_at = None
    allocation.updated_at = clock.now()
    allocation.save()
    notices.tell_changed(allocation, what, actor)
    decision_log.stopped(allocation, actor)


def end_of_closed(*, account: Account) -> int:
    """An account was closed: what it pays and what it gets each month ends. Repeatable.

    Minutes and card stay as they were set. Returns how many were on.
    """
    ended = 0
    on = AutoAllocation.objects.filter(Q(agency=account) | Q(account=account), active=True)
    for allocation_id in on.order_by("pk").values_list("pk", flat=True):
        with transaction.atomic():
            allocation = planning.lock(allocation_id=allocation_id).allocation
            if allocation.active:
                what = f"stopped, because {account.name} was closed. It stays off until you save it"
                end(allocation, f"{what} again.", "support")
                ended += 1
    return ended


def _charging(account: Account, card_id: str) -> list[AutoAllocation]:
    rows = AutoAllocation.objects.filter(agency=account, active=True, payment_method=card_id)
    return list(rows.select_related("account").order_by("pk"))


def _found(account: Account, card_id: str) -> list[str]:
    return [
        f"The monthly allocation for {allocation.account.name} uses it. It will be stopped."
        for allocation in _charging(account, card_id)
    ]


def _ended(*, account: Account, card_id: str, by_person: bool) -> None:
    """Whoever took the card away agreed to the end; a card that was lost is a failed payment."""
    for found in _charging(account, card_id):
        with transaction.atomic():
            allocation = planning.lock(allocation_id=found.pk).allocation
            if not allocation.active or allocation.payment_method != card_id:
                continue
            if by_person:
                end(allocation, "stopped, because its card was removed.", None)
            elif not allocation.failed_at:
                month_runs.mark_failed(allocation)
                notices.tell_card_lost(allocation)


CARD_USE = Use(found=_found, ended=_ended)
