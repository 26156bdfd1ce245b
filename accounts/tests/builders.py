"""Accounts and people for tests of every app, made the way the application makes them."""

from itertools import count

from django.contrib.auth.models import Group
from django.test import Client
from django_otp import DEVICE_ID_SESSION_KEY
from django_otp.plugins.otp_static.models import StaticDevice

from accounts import clock
from accounts.cells import directory
from accounts.models import Account, ApiKey, Membership, Role, Scope, User
from accounts.people import api_keys, opening

PASSWORD = "correct-horse-battery"

_numbers = count(1)


def make_user(email: str = "", *, name: str = "", **fields: object) -> User:
    number = next(_numbers)
    return User.objects.create_user(
        email or f"person{number}@example.com", PASSWORD, name=name or f"Person {number}", **fields
    )


def make_staff(*roles: str, email: str = "", **fields: object) -> User:
    """One of the support staff, in these groups; without any, a superuser."""
    user = make_user(email, is_staff=True, is_superuser=not roles, **fields)
    user.groups.set(Group.objects.filter(name__in=roles))
    return user


def log_in_staff(client: Client, user: User) -> Client:
    """A session that has passed the password and the second factor."""
    device, _ = StaticDevice.objects.get_or_create(user=user, name="Test")
    client.force_login(user)
    session = client.session
    session[DEVICE_ID_SESSION_KEY] = device.persistent_id
    session.save()
    return client


def make_agency(name: str = "Brightline Agency", *, owner: User | None = None, **facts) -> Account:
    return asked(opening.open_agency(name=name, owner=owner or make_user(), **facts))


def make_individual(name: str = "Ada Lovelace", *, owner: User | None = None, **facts) -> Account:
    return asked(opening.open_individual(name=name, owner=owner or make_user(), **facts))


def make_sub_account(
    name: str = "Northside Dental", *, agency: Account | None = None, owner: User | None = None
) -> Account:
    """A sub-account whose owner has joined; the invitation that waited is gone."""
    agency = agency or make_agency()
    owner = owner or make_user()
    account = asked(opening.add_sub_account(agency=agency, name=name, owner_email=owner.email))
    account.invitations.all().delete()
    add_member(account, Role.OWNER, user=owner)
    return account


def asked(account: Account) -> Account:
    """One that was asked whom to bill, and did not say: dialogs that charge do not ask again."""
    account.billing_asked_at = clock.now()
    account.save(update_fields=["billing_asked_at"])
    return account


def make_account(kind: str = Account.Kind.INDIVIDUAL, **facts) -> Account:
    makers = {
        Account.Kind.INDIVIDUAL: make_individual,
        Account.Kind.AGENCY: make_agency,
        Account.Kind.SUB_ACCOUNT: make_sub_account,
    }
    return makers[Account.Kind(kind)](**facts)


def add_member(account: Account, role: str = Role.MEMBER, *, user: User | None = None) -> User:
    user = user or make_user()
    Membership.objects.create(user=user, account=account, role=role)
    directory.note_person(user.pk)
    return user


def owner_of(account: Account) -> User:
    return User.objects.get(memberships__account=account, memberships__role=Role.OWNER)


def close(account: Account) -> Account:
    account.status = Account.Status.CLOSED
    account.save(update_fields=["status"])
    return account


def make_key(account: Account | None, *scopes: str) -> tuple[ApiKey, str]:
    """A key of the account (of the platform when None) and its token."""
    return api_keys.create(
        account=account, name="Test", scopes=scopes or (Scope.READ, Scope.WRITE, Scope.CALLS)
    )
