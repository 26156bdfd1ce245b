"""Who may do what: the one place that decides. Doors ask, and repeat nothing.

What nobody told the caller about is `NotFound`; what they may see but not do is `Forbidden`.
Support staff have no rights here: on customers' pages they are who their memberships say."""

from dataclasses import dataclass, replace
from enum import StrEnum
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet

from accounts.cells import directory, place
from accounts.errors import Forbidden, NotFound
from accounts.models import Account, ApiKey, Membership, Role, Scope, User
from accounts.runtime.across import Across


class Permission(StrEnum):
    SEE = "see"
    MONEY = "money"  # Payments, Auto-Recharge, cards, keys, members and settings: writing.
    WITHDRAW = "withdraw"  # Taking a card away and switching off, on a closed account too.
    ALLOCATE = "allocate"  # The monthly allocation of this sub-account.
    CAMPAIGNS = "campaigns"  # Start, pause and resume.
    CALLS = "calls"  # Report calls. Only machines do.


NOTHING: frozenset[Permission] = frozenset()
_ONLY_SEE = frozenset({Permission.SEE})
_MANAGES = frozenset({Permission.SEE, Permission.MONEY, Permission.WITHDRAW, Permission.CAMPAIGNS})
# What is left of a closed account.
_CLOSED = frozenset({Permission.SEE, Permission.WITHDRAW})
_AGENCY_MANAGES = frozenset({Permission.SEE, Permission.ALLOCATE, Permission.CAMPAIGNS})

_MANAGERS = frozenset({Role.OWNER, Role.ADMIN})


def visible_accounts(*, user: User) -> QuerySet[Account]:
    """The accounts the user works in, and the sub-accounts of the agencies among them."""
    own = Membership.objects.filter(user_id=user.pk).values("account_id")
    # Asked for either, PostgreSQL would read every account there is.
    below = Account.objects.filter(agency_id__in=own).values("pk")
    return Account.objects.filter(pk__in=own.union(below)).select_related("agency")


def switchable(*, user: User, named: str = "") -> Across[Account]:
    """All that the user may switch to, in every cell; with `named` of a name with that in it."""
    rows = visible_accounts(user=user)
    if named:
        rows = rows.filter(name__icontains=named)
    return Across(rows, directory.seats_of(user.pk))


def visible_account(*, user: User, account_id: UUID) -> Account | None:
    """One of these, wherever it is. Raises NoCell while it is moved."""
    cell = directory.of_account(account_id)
    if settings.CELLS and not cell:
        return None
    with place.inside(cell):
        return visible_accounts(user=user).filter(pk=account_id).first()


@dataclass(frozen=True)
class Standing:
    """A user in one account. `role` is their own in it, or empty for their agency's staff."""

    account: Account
    role: str
    permissions: frozenset[Permission]
    # The cell it is in; empty without cells.
    cell: str = ""


def standing(*, user: User, account_id: UUID | None) -> Standing | None:
    """Where the user stands in the account, or else in their first one. One or two queries, and
    where there are cells one more for each that is looked into. Raises NoCell while it is moved."""
    if not settings.CELLS:
        return _standing(user, account_id)
    named = directory.of_account(account_id) if account_id else ""
    for cell in filter(None, (named, *directory.of_person(user.pk))):
        with place.inside(cell):
            found = _standing(user, account_id)
        if found:
            if found.account.pk != account_id:
                cell = directory.must_have(found.account.pk)
            return replace(found, cell=cell)
    return None


def _standing(user: User, account_id: UUID | None) -> Standing | None:
    memberships = list(
        Membership.objects.filter(user_id=user.pk).select_related("account__agency").order_by("pk")
    )
    own = {membership.account_id: membership.account for membership in memberships}
    roles = {membership.account_id: membership.role for membership in memberships}
    account = own.get(account_id)
    if account is None and account_id is not None:
        account = visible_accounts(user=user).filter(pk=account_id).first()
    if account is None:
        account = next(iter(own.values()), None)
    if account is None:
        return None
    granted = _granted(roles=roles, account=account)
    return Standing(account=account, role=roles.get(account.pk, ""), permissions=granted)


def permissions(*, user: User, account: Account) -> frozenset[Permission]:
    """Everything the user may do in the account. One query."""
    memberships = Membership.objects.filter(
        user_id=user.pk, account_id__in=[account.pk, account.agency_id]
    )
    return _granted(roles=dict(memberships.values_list("account_id", "role")), account=account)


def _granted(*, roles: dict[UUID, str], account: Account) -> frozenset[Permission]:
    # The user's own place in a sub-account decides before the one in its agency.
    if role := roles.get(account.pk):
        allowed = _MANAGES if role in _MANAGERS else _ONLY_SEE
    elif role := roles.get(account.agency_id):
        allowed = _AGENCY_MANAGES if role in _MANAGERS else _ONLY_SEE
    else:
        allowed = NOTHING
    return allowed & _CLOSED if account.is_closed else allowed


def require(*, user: User, account: Account, permission: Permission) -> None:
    """Pass, or raise `NotFound` (nobody's business) or `Forbidden` (says who may)."""
    check(granted=permissions(user=user, account=account), account=account, permission=permission)


def check(*, granted: frozenset[Permission], account: Account, permission: Permission) -> None:
    """`require` for a caller whose permissions are already known, such as the request's."""
    if permission in granted:
        return
    if Permission.SEE not in granted:
        raise NotFound("There is no such account.")
    raise Forbidden(_who_may(account=account, permission=permission))


def require_agency(*, account: Account) -> None:
    """Account Manager and sub-accounts exist for agencies only."""
    if not account.is_agency:
        raise NotFound("Only agencies have sub-accounts.")


def key_permissions(*, key: ApiKey, account: Account) -> frozenset[Permission]:
    """Everything the key may do in the account. No query."""
    allowed = _key_reach(key=key, account=account) & _of_scopes(scopes=key.scopes)
    if account.is_closed:
        # A call is a fact: it is charged even when the account has been closed.
        allowed &= {Permission.SEE, Permission.CALLS}
    return frozenset(allowed)


def require_key(*, key: ApiKey, account: Account, permission: Permission) -> None:
    """`require` for a machine."""
    granted = key_permissions(key=key, account=account)
    if permission in granted:
        return
    if not _key_reach(key=key, account=account):
        raise NotFound("There is no such account.")
    raise Forbidden(_which_key_may(key=key, account=account, permission=permission))


def _key_reach(*, key: ApiKey, account: Account) -> frozenset[Permission]:
    """What a key with every scope could do in the account."""
    if key.is_platform:
        every = frozenset(Permission)
        return every if account.agency_id else every - {Permission.ALLOCATE}
    if key.account_id == account.pk:
        return _MANAGES | {Permission.CALLS}
    if account.agency_id == key.account_id:
        return _ONLY_SEE | {Permission.ALLOCATE}
    return NOTHING


_SCOPES = {
    Scope.READ: frozenset({Permission.SEE}),
    Scope.WRITE: frozenset({Permission.MONEY, Permission.ALLOCATE, Permission.CAMPAIGNS}),
    Scope.CALLS: frozenset({Permission.CALLS}),
}


def _of_scopes(*, scopes: list[str]) -> frozenset[Permission]:
    return frozenset().union(*(_SCOPES[Scope(scope)] for scope in scopes))


def _who_may(*, account: Account, permission: Permission) -> str:
    if account.is_closed:
        return f"{account.name} is closed, so nothing in it can be changed."
    if permission is Permission.ALLOCATE:
        if not account.agency_id:
            return "Only sub-accounts get a monthly allocation, set by their agency."
        return f"Only owners and admins of {account.agency} may change this."
    if permission is Permission.CAMPAIGNS and account.agency_id:
        return f"Only owners and admins of {account.name} or of its agency may do this."
    return f"Only owners and admins of {account.name} may change this."


def _which_key_may(*, key: ApiKey, account: Account, permission: Permission) -> str:
    needed = next(scope for scope, gives in _SCOPES.items() if permission in gives)
    if needed not in key.scopes:
        return f"This needs an API key with the scope “{needed}”."
    if account.is_closed:
        return f"{account.name} is closed, so nothing in it can be changed."
    return f"This needs an API key of {account.name} itself."
