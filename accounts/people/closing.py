"""Closing accounts and opening them again. Only support does it; nothing is ever deleted.

What a closed account means is asked where it matters: access makes its pages read-only, its
campaigns are paused, and neither automatic charges nor allocations are made."""

from django.db import transaction

from accounts.models import Account
from accounts.runtime.nudges import nudge
from accounts.telling.notifications import notify


@transaction.atomic
def close(*, account: Account) -> bool:
    """Close it. Its campaigns are paused by a task at once. False when it was closed already."""
    if not _move(account, Account.Status.CLOSED):
        return False
    nudge("campaigns.tick")
    _tell(account, "Your account was closed by support. Calls that still end are charged.")
    return True


@transaction.atomic
def reopen(*, account: Account) -> bool:
    """Open it again. Campaigns stay paused until somebody resumes them."""
    if not _move(account, Account.Status.ACTIVE):
        return False
    _tell(account, "Your account is open again. Paused campaigns wait until you resume them.")
    return True


def _move(account: Account, status: str) -> bool:
    locked = Account.objects.select_for_update(no_key=True).get(pk=account.pk)
    if locked.status == status:
        return False
    locked.status = account.status = status
    locked.save(update_fields=["status"])
    return True


def _tell(account: Account, text: str) -> None:
    notify(account=account, kind="account_status", title="Account status", text=text)
