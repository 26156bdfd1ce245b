"""Closing accounts and opening them again. Only support does it; nothing is ever deleted.

What a closed account means is asked where it matters: access makes its pages read-only, its
campaigns are paused, and neither automatic charges nor allocations are made. What charges by
itself is switched off with it, and stays off when it is opened again: nobody is charged without
having asked for it since."""

from collections.abc import Callable

from django.db import transaction

from accounts.models import Account
from accounts.people import inviting
from accounts.runtime.nudges import nudge
from accounts.telling.notifications import notify

# What switches off whatever charges an account by itself; filled by the apps above. It takes the
# account's wallets' locks in transactions of its own, and may be repeated.
switch_off: list[Callable[..., object]] = []


def close(*, account: Account) -> bool:
    """Close it. Its campaigns are paused by a task at once, and its invitations end. False when
    it was closed already."""
    with transaction.atomic():
        if not _move(account, Account.Status.CLOSED):
            return False
        inviting.end_all(account=account)
        nudge("campaigns.tick")
        _tell(
            account,
            "Your account was closed by support. Calls that still end are charged. Auto-Recharge "
            "and monthly allocations are switched off.",
        )
    _switch_off(account)
    return True


def reopen(*, account: Account) -> bool:
    """Open it again, with everything that charges by itself off, and campaigns paused.

    Whatever was on is switched off before, so that nothing is charged in between.
    """
    if not Account.objects.filter(pk=account.pk, status=Account.Status.CLOSED).exists():
        return False
    _switch_off(account)
    with transaction.atomic():
        if not _move(account, Account.Status.ACTIVE):
            return False
        _tell(
            account,
            "Your account is open again. Auto-Recharge and monthly allocations stay off until you "
            "turn them on. Paused campaigns wait until you resume them.",
        )
    return True


def _switch_off(account: Account) -> None:
    for switch in switch_off:
        switch(account=account)


def _move(account: Account, status: str) -> bool:
    locked = Account.objects.select_for_update(no_key=True).get(pk=account.pk)
    if locked.status == status:
        return False
    locked.status = account.status = status
    locked.save(update_fields=["status"])
    return True


def _tell(account: Account, text: str) -> None:
    notify(account=account, kind="account_status", title="Account status", text=text)
