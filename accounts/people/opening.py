"""Opening accounts. The wallet of a new account is the business of wallets."""

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction

from accounts.cells import directory, place
from accounts.errors import Conflict, Invalid
from accounts.models import Account, Membership, Role, User, validate_timezone
from accounts.people import access, members

MAX_NAME_LENGTH = 120


def open_agency(
    *, name: str, owner: User, timezone: str = "UTC", included_minutes: int = 0
) -> Account:
    return _open(Account.Kind.AGENCY, name, owner, timezone, included_minutes)


def open_individual(
    *, name: str, owner: User, timezone: str = "UTC", included_minutes: int = 0
) -> Account:
    return _open(Account.Kind.INDIVIDUAL, name, owner, timezone, included_minutes)


@transaction.atomic
def add_sub_account(
    *, agency: Account, name: str, owner_email: str, invited_by: User | None = None
) -> Account:
    """Open a sub-account in the agency's time zone, and invite its owner by mail."""
    access.require_agency(account=agency)
    if agency.is_closed:
        raise Conflict(f"{agency.name} is closed, so it cannot add sub-accounts.")
    name = _name(name)
    _check_email(owner_email)
    account = Account.objects.create(
        kind=Account.Kind.SUB_ACCOUNT, agency=agency, name=name, timezone=agency.timezone
    )
    directory.note_account(account.pk)
    members.invite(account=account, email=owner_email, role=Role.OWNER, invited_by=invited_by)
    return account


def _open(kind: str, name: str, owner: User, timezone: str, included_minutes: int) -> Account:
    with place.inside(directory.for_somebody_new()):
        return _open_here(kind, name, owner, timezone, included_minutes)


@transaction.atomic
def _open_here(kind: str, name: str, owner: User, timezone: str, included_minutes: int) -> Account:
    try:
        validate_timezone(timezone)
    except ValidationError as error:
        raise Invalid(error.message, fields={"timezone": error.message}) from None
    account = Account.objects.create(
        kind=kind, name=_name(name), timezone=timezone, included_minutes=included_minutes
    )
    directory.note_account(account.pk)
    Membership.objects.create(user=owner, account=account, role=Role.OWNER)
    directory.note_person(owner.pk)
    return account


def _name(name: str) -> str:
    name = " ".join(name.split())
    if not 1 <= len(name) <= MAX_NAME_LENGTH:
        message = f"Enter a name of 1 to {MAX_NAME_LENGTH} characters."
        raise Invalid(message, fields={"name": message})
    return name


def _check_email(email: str) -> None:
    try:
        validate_email(email.strip())
    except ValidationError:
        message = "Enter an e-mail address, like name@example.com."
        raise Invalid(message, fields={"owner_email": message}) from None
