"""Who may offer a seat. Asked when an invitation is made, and once more when it is used: an
invitation dies with the seat of whoever made it.

Who owns a sub-account is decided by its first owner. Until somebody has joined there is one
invitation, the owner's, and it is the agency's to make; from then on the agency invites nobody."""

from dataclasses import dataclass

from django.db.models import Q

from accounts.errors import Forbidden, Invalid
from accounts.models import Account, Invitation, Membership, Role, User

_MANAGERS = (Role.OWNER, Role.ADMIN)


@dataclass(frozen=True)
class Inviters:
    """Who may invite to one account. Made by `inviters_of`; it asks the database nothing."""

    account: Account
    own: dict[int, str]  # The roles of the account's owners and admins, by user.
    agency: frozenset[int]  # Its agency's owners and admins, while it awaits its owner.
    awaits_owner: bool

    def may(self, *, role: str, user: User | None) -> bool:
        """Whether they may offer this role now. Without a user it is the agency's API key."""
        if self.account.is_closed or (user and not user.is_active):
            return False
        if user and user.pk in self.own:
            return role != Role.OWNER or self.own[user.pk] == Role.OWNER
        return role == Role.OWNER and self.is_of_agency(user=user)

    def is_of_agency(self, *, user: User | None) -> bool:
        """Whether they may name the first owner, for the agency."""
        if not self.awaits_owner or self.account.agency.is_closed:
            return False
        return user is None or user.pk in self.agency


def inviters_of(*, account: Account) -> Inviters:
    """Three queries at most, however many people there are."""
    own = _managers(account_id=account.pk)
    awaits = not own and awaits_owner(account=account)
    agency = frozenset(_managers(account_id=account.agency_id)) if awaits else frozenset()
    return Inviters(account=account, own=own, agency=agency, awaits_owner=awaits)


def awaits_owner(*, account: Account) -> bool:
    """Whether nobody has joined this sub-account yet."""
    return bool(account.agency_id) and not Membership.objects.filter(account=account).exists()


def check(*, account: Account, role: str, user: User | None) -> bool:
    """Pass, or raise why they may not offer this seat. Answers whether it is the first owner's."""
    inviters = inviters_of(account=account)
    if not inviters.may(role=role, user=user):
        raise _refusal(inviters, user)
    return inviters.awaits_owner


def stands(invitation: Invitation) -> bool:
    """Whether whoever made it could still make it."""
    inviters = inviters_of(account=invitation.account)
    return inviters.may(role=invitation.role, user=invitation.invited_by)


def end_those_of(*, user: User, account: Account, role: str | None) -> int:
    """Take back what this person, who has this role in the account now or no seat, may offer no
    more; for an agency in the sub-accounts that await their owner, too. Returns how many."""
    if role == Role.OWNER:
        return 0
    dying = Q(account=account)
    if role == Role.ADMIN:
        dying &= Q(role=Role.OWNER)
    else:
        dying |= _of_agency(account)
    return _end(dying & Q(invited_by=user))


def end_all(*, account: Account) -> int:
    """Take back everything offered in a closed account, and by it. Returns how many."""
    return _end(Q(account=account) | _of_agency(account))


def _of_agency(account: Account) -> Q:
    return Q(account__agency=account, account__memberships__isnull=True)


def _end(dying: Q) -> int:
    found = list(Invitation.objects.filter(dying, accepted_at=None).values_list("pk", flat=True))
    return Invitation.objects.filter(pk__in=found, accepted_at=None).delete()[0]


def _managers(*, account_id: object) -> dict[int, str]:
    seats = Membership.objects.filter(account_id=account_id, role__in=_MANAGERS)
    return dict(seats.values_list("user_id", "role"))


def _refusal(inviters: Inviters, user: User | None) -> Invalid | Forbidden:
    account = inviters.account
    if account.is_closed:
        return Forbidden(f"{account} is closed, so nobody can be invited.")
    if inviters.is_of_agency(user=user):
        sentence = f"The first to join {account} is its owner. Invite them as Owner."
        return Invalid(sentence, fields={"role": sentence})
    if user and user.pk in inviters.own:
        return Forbidden(f"Only owners of {account} may change who its owners are.")
    return Forbidden(f"Only owners and admins of {account} may invite people to it.")
