from datetime import UTC, date, datetime

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from accounts.models import Account, ApiKey, Membership, User
from accounts.tests.builders import add_member, make_agency, make_individual, make_sub_account

pytestmark = pytest.mark.django_db


def refuse(constraint: str):
    return pytest.raises(IntegrityError, match=constraint)


@pytest.mark.parametrize(
    ("constraint", "change"),
    [
        ("account_kind_is_known", {"kind": "reseller"}),
        ("account_status_is_known", {"status": "asleep"}),
        ("only_sub_accounts_have_an_agency", {"agency": None}),
        ("only_sub_accounts_have_an_agency", {"kind": "individual"}),
        ("sub_accounts_have_no_included_minutes", {"included_minutes": 1}),
        ("included_anchor_day_is_a_day_of_a_month", {"included_anchor_day": 0}),
        ("included_anchor_day_is_a_day_of_a_month", {"included_anchor_day": 32}),
        ("account_has_a_name", {"name": ""}),
        ("account_has_a_time_zone", {"timezone": ""}),
    ],
)
def test_the_database_refuses_an_impossible_account(constraint, change):
    account = make_sub_account()

    with refuse(constraint), transaction.atomic():
        Account.objects.filter(pk=account.pk).update(**change)


def test_an_account_is_not_its_own_agency():
    account = make_sub_account()

    with refuse("no_account_is_its_own_agency"), transaction.atomic():
        Account.objects.filter(pk=account.pk).update(agency=account.pk)


def test_only_an_agency_can_be_an_agency():
    account = make_sub_account()
    account.agency = make_individual()

    with pytest.raises(ValidationError, match="Ada Lovelace is not an agency"):
        account.full_clean()


def test_a_sub_account_lives_in_its_agencys_time_zone_by_default():
    agency = make_agency(timezone="America/New_York")

    assert make_sub_account(agency=agency).timezone == "America/New_York"


def test_the_local_date_is_the_one_where_the_account_is():
    account = make_individual(timezone="America/New_York")

    assert account.local_date(datetime(2026, 12, 1, 4, 59, tzinfo=UTC)) == date(2026, 11, 30)
    assert account.local_date(datetime(2026, 12, 1, 5, 0, tzinfo=UTC)) == date(2026, 12, 1)


def test_an_unknown_time_zone_is_refused():
    account = make_individual()
    account.timezone = "Mars/Olympus"

    with pytest.raises(ValidationError, match="is not a time zone"):
        account.full_clean()


def test_addresses_that_differ_only_in_case_are_one_user():
    User.objects.create_user("Ada@Example.com", "x")

    assert User.objects.get_by_natural_key("ADA@example.COM").email == "ada@example.com"
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.create_user("aDA@example.com", "x")
    with refuse("user_email_is_in_lower_case"), transaction.atomic():
        User.objects.update(email="Ada@Example.com")


def test_a_user_has_one_membership_in_an_account():
    account = make_individual()
    user = add_member(account)

    with refuse("one_membership_per_account"), transaction.atomic():
        add_member(account, "owner", user=user)
    assert Membership.objects.get(user=user).role == "member"


@pytest.mark.parametrize("scopes", [[], ["read", "admin"]])
def test_a_key_without_scopes_or_with_unknown_ones_is_refused(scopes):
    with refuse("api_key_scopes_are_known"), transaction.atomic():
        ApiKey.objects.create(name="x", prefix="x", secret_hash="x", scopes=scopes)
