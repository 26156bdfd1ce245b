"""What an agency does with a sub-account beside money: renaming it, archiving it, bringing it back.

An archived sub-account is out of its agency's sight and work, and otherwise lives on: its people
keep their seats, their balance and their Auto-Recharge. Nothing is ever deleted."""

from collections.abc import Callable

from django.db import transaction
from django.urls import reverse

from accounts import clock
from accounts.audit import seen as seen_before
from accounts.errors import Invalid
from accounts.models import Account, User
from accounts.people.opening import MAX_NAME_LENGTH
from accounts.telling.notifications import notify

# What ends before it is archived, and once more after it: campaigns and allocations; filled by the
# apps above. Each takes locks in transactions of its own, may speak to Stripe, and may be repeated.
end_before: list[Callable[..., object]] = []


def rename(*, account: Account, name: str, actor: User | None, seen: str = "") -> Account:
    """Give a sub-account another name; both sides hear of it.

    Raises Invalid, or Overtaken when it is not the name any more whose mark (`seen`) was shown.
    """
    name = " ".join(name.split())
    if not 1 <= len(name) <= MAX_NAME_LENGTH or not name.isprintable():
        message = f"Enter a name of 1 to {MAX_NAME_LENGTH} characters."
        raise Invalid(message, fields={"name": message})
    with transaction.atomic():
        locked = Account.objects.select_for_update(no_key=True).get(pk=account.pk)
        before = locked.name
        with seen_before.guarding(locked, fields=["name"], seen=seen):
            locked.name = name
        if before != name:
            locked.save(update_fields=["name"])
            by = f"{actor}, of your agency" if actor else "your agency"
            _tell(locked, f"{before} is called {name} now. Renamed by {by}.")
    account.name = name
    return account


def archive(*, account: Account, actor: User | None) -> bool:
    """Put it out of sight: its started campaigns pause and its monthly allocation ends before.

    False when it was archived already. Call with no transaction open; a call that was cut off is
    repeated.
    """
    _end(account, actor)
    with transaction.atomic():
        locked = Account.objects.select_for_update(no_key=True).get(pk=account.pk)
        if locked.archived_at:
            return False
        locked.archived_at = account.archived_at = clock.now()
        locked.save(update_fields=["archived_at"])
        _tell(
            locked,
            f"{locked.agency} archived {locked}: running campaigns were paused, and no more "
            "minutes come from it each month. Credit and minutes stay yours, and so does "
            "Auto-Recharge as you set it.",
        )
    # What somebody began while it was not archived yet.
    _end(account, actor)
    return True


def _end(account: Account, actor: User | None) -> None:
    for end in end_before:
        end(account=account, actor=actor)


def bring_back(*, account: Account) -> bool:
    """Show it again. Campaigns stay paused and the allocation off until somebody turns them on."""
    with transaction.atomic():
        locked = Account.objects.select_for_update(no_key=True).get(pk=account.pk)
        if locked.archived_at is None:
            return False
        locked.archived_at = account.archived_at = None
        locked.save(update_fields=["archived_at"])
        _tell(
            locked,
            f"{locked.agency} works with {locked} again. Campaigns stay paused until somebody "
            "resumes them, and monthly minutes come once they are set again.",
        )
    return True


def _tell(account: Account, text: str) -> None:
    notify(
        account=account,
        kind="account_status",
        title="Account status",
        text=text,
        link=reverse("accounts:settings"),
    )
