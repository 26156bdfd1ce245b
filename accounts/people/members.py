"""Who works in an account: inviting, joining, changing roles and leaving.

Callers have checked `Permission.MONEY`; the rules about owners are kept here, and those about
who may invite in `inviting`."""

from datetime import timedelta

from django.contrib.auth.password_validation import validate_password
from django.core import signing
from django.db import IntegrityError, transaction
from django.urls import reverse

from accounts import clock
from accounts.audit import seen as seen_before
from accounts.cells import directory
from accounts.cells.directory import NoCell
from accounts.errors import Conflict, Forbidden, NotFound
from accounts.models import Account, Invitation, Level, Membership, Role, User
from accounts.models.accounts import new_nonce
from accounts.people import invitation_mails, inviting
from accounts.runtime import reachable, threads
from accounts.runtime.nudges import nudge
from accounts.runtime.waits import Wait, oldest
from accounts.telling.notifications import notify

INVITATION_LASTS = timedelta(days=7)

Wait(
    kind="invitation",
    since=lambda: oldest(
        Invitation.objects.filter(accepted_at=None, expires_at__gt=clock.now()), "created_at"
    ),
)


@transaction.atomic
def invite(
    *, account: Account, email: str, role: str, invited_by: User | None, seen: str = ""
) -> Invitation:
    """Offer a seat by mail. Inviting the same address again sends a new link and ends the old.

    `invited_by` is None for the API key of a sub-account's agency. Until a sub-account's owner
    has joined, there is one invitation: another address takes the place of the first. Raises
    `TooMany` when more mails would be sent than a stranger should get, or one sender send, and
    Overtaken when others named another address after the one whose mark (`seen`) was shown.
    """
    email = email.strip().lower()
    account = _lock(account)
    if Membership.objects.filter(account=account, user__email=email).exists():
        raise Conflict(f"{email} is already in {account.name}.", fields={"email": "Already here."})
    if inviting.check(account=account, role=role, user=invited_by):
        others = Invitation.objects.filter(account=account, accepted_at=None).exclude(email=email)
        if replaced := others.order_by("-pk").first():
            seen_before.refuse_overtaken(replaced, fields=["email"], seen=seen)
        others.delete()
    invitation_mails.count(account=account, email=email, user=invited_by)
    now = clock.now()
    invitation, _ = Invitation.objects.update_or_create(
        account=account,
        email=email,
        accepted_at=None,
        defaults={
            "role": role,
            "invited_by": invited_by,
            "nonce": new_nonce(),
            "created_at": now,
            "expires_at": now + INVITATION_LASTS,
            "mail_due_at": now,
            "mail_attempts": 0,
            "mailed_at": None,
        },
    )
    nudge("accounts.mail_invitation", invitation.pk)
    return invitation


def withdraw(*, account: Account, invitation_id: int) -> None:
    """Take back an invitation nobody has accepted. Safe to repeat."""
    Invitation.objects.filter(pk=invitation_id, account=account, accepted_at__isnull=True).delete()


def cell_of(*, token: str) -> str:
    """The cell of the account that this link invites to; empty when there is none."""
    meant = _meant(token)
    known, away = reachable.ask_each(
        directory.with_accounts(),
        lambda _: Invitation.objects.filter(**meant).exists(),
        most=threads.MOST,
    )
    found = [cell for cell, is_there in known.items() if is_there]
    if away and not found:
        raise NoCell(f"an invitation may be in {', '.join(away)}")
    return "".join(found)


def _meant(token: str) -> dict[str, object]:
    """Raises NotFound for what is no link of ours."""
    try:
        pk, nonce = signing.loads(token, salt=Invitation.LINK_SALT)
    except (signing.BadSignature, ValueError, TypeError):
        raise _gone() from None
    return {"pk": pk, "nonce": nonce}


def _gone() -> NotFound:
    return NotFound("This invitation is no longer valid. Ask for a new one.")


def find_invitation(*, token: str) -> Invitation:
    """The open invitation behind a link, or `NotFound` with what to do.

    It is gone, too, when whoever made it could not make it any more.
    """
    invitation = (
        Invitation.objects.select_related("account__agency", "invited_by")
        .filter(**_meant(token), accepted_at__isnull=True, expires_at__gt=clock.now())
        .first()
    )
    if invitation is None or not inviting.stands(invitation):
        raise _gone()
    return invitation


def accept_as_new_user(*, token: str, name: str, password: str) -> User:
    """Make the invited person's user and give them the seat. The password has been validated."""
    invitation = find_invitation(token=token)
    validate_password(password, User(email=invitation.email, name=name))
    try:
        with transaction.atomic():
            user = User.objects.create_user(invitation.email, password, name=name)
            accept(token=token, user=user)
    except IntegrityError:
        raise Conflict(
            f"{invitation.email} already has a log-in. Log in, then accept the invitation."
        ) from None
    return user


@transaction.atomic
def accept(*, token: str, user: User) -> Account:
    """Give the seat to the user, whose address must be the invited one."""
    # Found under the lock: nobody's seat is taken away between the look and the joining.
    _lock(find_invitation(token=token).account)
    invitation = find_invitation(token=token)
    if invitation.email != user.email:
        raise Forbidden(f"This invitation is for {invitation.email}. Log in as that user.")
    claimed = Invitation.objects.filter(
        pk=invitation.pk, nonce=invitation.nonce, accepted_at__isnull=True
    ).update(accepted_at=clock.now(), mail_due_at=None)
    if not claimed:
        raise NotFound("This invitation is no longer valid. Ask for a new one.")
    membership, joined = Membership.objects.get_or_create(
        user=user,
        account=invitation.account,
        defaults={"role": invitation.role, "invitation": invitation},
    )
    if joined:
        directory.note_person(user.pk)
        _tell_who_joined(membership)
    return invitation.account


@transaction.atomic
def change_role(
    *, account: Account, user_id: int, role: str, actor: User, seen: str = ""
) -> Membership:
    """Let somebody be an owner, an admin or a member. Repeatable; they and the others are told.

    Raises Conflict for the last owner, Forbidden, or Overtaken when it is not the role any more
    whose mark (`seen`) was shown.
    """
    _lock(account)
    membership = _membership(account=account, user_id=user_id)
    if Role.OWNER in (role, membership.role) and role != membership.role:
        _require_owner(account=account, user=actor)
        if membership.role == Role.OWNER:
            _require_another_owner(account=account, user_id=user_id)
    if role != membership.role:
        with seen_before.guarding(membership, fields=["role"], seen=seen):
            membership.role = role
        membership.save(update_fields=["role"])
        ended = inviting.end_those_of(user=membership.user, account=account, role=role)
        text = f"{actor} made {membership.user} {membership.get_role_display()}."
        if role == Role.OWNER:
            _tell_of_owner(membership, text)
        else:
            _tell(account, text + _ended(ended))
    return membership


@transaction.atomic
def remove(*, account: Account, user_id: int, actor: User) -> None:
    """Take somebody's seat away. Everybody may leave, except the last owner."""
    _lock(account)
    membership = _membership(account=account, user_id=user_id)
    if membership.role == Role.OWNER:
        if actor.pk != user_id:
            _require_owner(account=account, user=actor)
        _require_another_owner(account=account, user_id=user_id)
    membership.delete()
    ended = inviting.end_those_of(user=membership.user, account=account, role=None)
    text = f"{membership.user} no longer works here. Removed by {actor}."
    _tell(account, text + _ended(ended))


def _lock(account: Account) -> Account:
    """One change of members at a time, so that two owners cannot remove each other at once."""
    accounts = Account.objects.select_related("agency")
    return accounts.select_for_update(no_key=True, of=("self",)).get(pk=account.pk)


def _ended(count: int) -> str:
    if not count:
        return ""
    return f" {count} invitation{'s' * (count != 1)} of theirs ended."


def _tell_who_joined(membership: Membership) -> None:
    text = f"{membership.user} joined as {membership.get_role_display()}."
    if by := membership.invitation.made_by:
        text = f"{text} Invited by {by}."
    if membership.role == Role.OWNER:
        _tell_of_owner(membership, text)
    else:
        _tell(membership.account, text)


def _tell_of_owner(membership: Membership, text: str) -> None:
    """By a mail that nobody can switch off: owners decide who charges the account's cards."""
    person = membership.user
    notify(
        account=membership.account,
        kind="new_owner",
        level=Level.WARNING,
        title="New owner",
        text=f"{text} {person.email} may pay with the account's cards and change everything in "
        "it. If you did not expect this, remove them on the Members page and tell us.",
        link=reverse("accounts:members"),
    )


def _tell(account: Account, text: str) -> None:
    notify(
        account=account,
        kind="members_changed",
        title="Members changed",
        text=text,
        link=reverse("accounts:members"),
    )


def _membership(*, account: Account, user_id: int) -> Membership:
    membership = (
        Membership.objects.select_related("user").filter(account=account, user_id=user_id).first()
    )
    if membership is None:
        raise NotFound(f"This person is not in {account.name}.")
    return membership


def _is_owner(*, account_id: object, user: User) -> bool:
    return Membership.objects.filter(
        account_id=account_id, user_id=user.pk, role=Role.OWNER
    ).exists()


def _require_owner(*, account: Account, user: User) -> None:
    if not _is_owner(account_id=account.pk, user=user):
        raise Forbidden(f"Only owners of {account.name} may change who its owners are.")


def _require_another_owner(*, account: Account, user_id: int) -> None:
    others = Membership.objects.filter(account=account, role=Role.OWNER).exclude(user_id=user_id)
    if not others.exists():
        raise Conflict(f"{account.name} needs an owner. Make somebody else an owner first.")
