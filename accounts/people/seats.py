"""The first seat of a sub-account, as its agency sees it: who was invited, what became of it."""

from dataclasses import dataclass
from datetime import datetime

from accounts import clock
from accounts.audit import seen as seen_before
from accounts.errors import Conflict
from accounts.models import Account, Invitation, Membership
from accounts.people import inviting, members

# What pages say of an invitation.
SHOWN = ("email",)


@dataclass(frozen=True)
class Seat:
    """How the first owner's seat stands. `state` is one of joined, being_sent, not_sent, sent,
    opened, expired, none; `since` is when it came to stand so."""

    state: str
    email: str = ""
    since: datetime | None = None
    expires_at: datetime | None = None
    # The mark of whom it invites.
    seen: str = ""


def seat_of(*, account: Account) -> Seat:
    """Two queries at most."""
    if first := Membership.objects.filter(account=account).order_by("pk").first():
        return Seat("joined", since=first.created_at)
    waiting = invitation_of(account=account)
    if waiting is None:
        return Seat("none")
    seen = seen_before.mark(waiting, fields=SHOWN)
    return Seat(*_state(waiting), expires_at=waiting.expires_at, seen=seen)


def invitation_of(*, account: Account) -> Invitation | None:
    """The one that waits, expired or not."""
    return Invitation.objects.filter(account=account, accepted_at=None).order_by("-pk").first()


def _state(waiting: Invitation) -> tuple[str, str, datetime]:
    if waiting.expires_at <= clock.now():
        return "expired", waiting.email, waiting.expires_at
    if waiting.opened_at:
        return "opened", waiting.email, waiting.opened_at
    if waiting.mailed_at:
        return "sent", waiting.email, waiting.mailed_at
    state = "being_sent" if waiting.mail_due_at else "not_sent"
    return state, waiting.email, waiting.created_at


def require_awaiting(*, account: Account) -> None:
    """Raise Conflict once somebody has joined: then the agency names no owner any more."""
    if not inviting.awaits_owner(account=account):
        raise Conflict(f"Somebody works in {account.name} already. It invites its people itself.")


def withdraw(*, account: Account, seen: str = "") -> None:
    """Take the first owner's invitation back. Raises Conflict once somebody has joined, and
    Overtaken when it invites another than the one whose mark (`seen`) was shown."""
    require_awaiting(account=account)
    if waiting := invitation_of(account=account):
        seen_before.refuse_overtaken(waiting, fields=SHOWN, seen=seen)
        members.withdraw(account=account, invitation_id=waiting.pk)


def note_opened(*, token: str) -> None:
    """Its page is shown in a browser. Noted once; a link that is no more changes nothing."""
    invitation = members.find_invitation(token=token)
    Invitation.objects.filter(pk=invitation.pk, opened_at=None).update(opened_at=clock.now())
