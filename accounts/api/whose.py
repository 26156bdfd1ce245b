"""Whose account a request is about: its key's, or one the key may read for."""

from uuid import UUID

from rest_framework import exceptions
from rest_framework.request import Request

from accounts.api.shapes import read_id
from accounts.cells import place
from accounts.errors import NotFound
from accounts.models import Account
from accounts.people import access
from accounts.people.access import Permission
from accounts.runtime import reachable, statements
from accounts.runtime.statements import columns

# The voice platform's key asks it at every request.
BY_ID = f"""SELECT {columns(Account, "a")}, {columns(Account, "g")}
FROM accounts_account a LEFT JOIN accounts_account g ON g.id = a.agency_id WHERE a.id = %s
"""  # nosec B608 # columns of ours


def resolve_account(request: Request, *, permission: Permission = Permission.SEE) -> Account:
    """The account a request is about: `?account=<id>`, else the key's own."""
    given = request.query_params.getlist("account")
    if not given:
        return account_for(request, account_id=None, permission=permission)
    try:
        (account_id,) = map(read_id, given)
    except ValueError:
        raise exceptions.ValidationError({"account": ["Send one account id."]}) from None
    return account_for(request, account_id=account_id, permission=permission)


def resolve_accounts(request: Request, *, with_sub_accounts: bool) -> list[Account]:
    """The account a request is about, and below it its sub-accounts: for reading only.

    Raises NotFound when sub-accounts are asked for of what is no agency.
    """
    account = resolve_account(request)
    if not with_sub_accounts:
        return [account]
    access.require_agency(account=account)
    return [account, *Account.objects.filter(agency=account).order_by("name", "pk")]


def account_for(request: Request, *, account_id: UUID | None, permission: Permission) -> Account:
    """The account by its id (the key's own without one), if the key may do this in it."""
    key = request.user.key
    if account_id is None and key.is_platform:
        raise exceptions.ValidationError(
            {"account": ["A platform key belongs to no account: send ?account=<id>."]}
        )
    if key.is_platform and (cell := reachable.cell_of(account_id)):
        place.enter(cell)
    account = key.account
    if account_id is not None and account_id != key.account_id:
        account = _by_id(account_id)
    if account is None:
        raise NotFound("There is no such account.")
    access.require_key(key=key, account=account, permission=permission)
    return account


def _by_id(account_id: UUID) -> Account | None:
    if not place.has_accounts():
        return None
    for row in statements.rows(BY_ID, [account_id]):
        account, account.agency = statements.instances(row, Account, Account)
        return account
    return None
