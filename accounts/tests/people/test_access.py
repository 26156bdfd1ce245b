"""Who may do what: each role in each account, and each scope of a key, row by row."""

import pytest

from accounts.errors import Forbidden, NotFound
from accounts.models import Membership, Role, Scope
from accounts.people import access
from accounts.people.access import NOTHING, Permission, key_permissions, permissions
from accounts.tests.builders import (
    add_member,
    close,
    make_agency,
    make_individual,
    make_key,
    make_sub_account,
    make_user,
)

pytestmark = pytest.mark.django_db

SEE, MONEY, ALLOCATE = Permission.SEE, Permission.MONEY, Permission.ALLOCATE
CAMPAIGNS, CALLS = Permission.CAMPAIGNS, Permission.CALLS
MANAGES = {SEE, MONEY, Permission.WITHDRAW, CAMPAIGNS}


@pytest.fixture
def agency():
    return make_agency()


@pytest.fixture
def sub_account(agency):
    return make_sub_account(agency=agency)


@pytest.mark.parametrize(
    ("role", "expected"),
    [(Role.OWNER, MANAGES), (Role.ADMIN, MANAGES), (Role.MEMBER, {SEE})],
)
def test_a_role_in_the_account_gives_the_same_in_every_kind_of_account(
    agency, sub_account, role, expected
):
    for account in [agency, sub_account, make_individual()]:
        user = add_member(account, role)

        assert permissions(user=user, account=account) == expected


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        (Role.OWNER, {SEE, ALLOCATE, CAMPAIGNS}),
        (Role.ADMIN, {SEE, ALLOCATE, CAMPAIGNS}),
        (Role.MEMBER, {SEE}),
    ],
)
def test_a_role_in_the_agency_never_gives_money_in_its_sub_accounts(
    agency, sub_account, role, expected
):
    user = add_member(agency, role)

    assert permissions(user=user, account=sub_account) == expected


@pytest.mark.parametrize("agency_role", Role.values)
@pytest.mark.parametrize(
    ("own_role", "expected"),
    [(Role.OWNER, MANAGES), (Role.ADMIN, MANAGES), (Role.MEMBER, {SEE})],
)
def test_the_own_place_in_a_sub_account_decides_before_the_one_in_its_agency(
    agency, sub_account, agency_role, own_role, expected
):
    user = add_member(agency, agency_role)
    add_member(sub_account, own_role, user=user)

    assert permissions(user=user, account=sub_account) == expected


@pytest.mark.parametrize("role", Role.values)
def test_strangers_have_nothing_whatever_they_are_elsewhere(agency, sub_account, role):
    other_agency, other_individual = make_agency("Other"), make_individual()
    sibling = make_sub_account("Sibling", agency=agency)
    for place in [other_agency, other_individual, sibling]:
        user = add_member(place, role)

        assert permissions(user=user, account=sub_account) == NOTHING
        assert permissions(user=user, account=agency) == NOTHING


def test_support_staff_are_strangers_on_customers_pages(sub_account):
    staff = make_user(is_staff=True, is_superuser=True)

    assert permissions(user=staff, account=sub_account) == NOTHING
    assert list(access.visible_accounts(user=staff)) == []


@pytest.mark.parametrize("role", Role.values)
def test_in_a_closed_account_everybody_only_sees_and_managers_withdraw(agency, sub_account, role):
    own, of_agency = add_member(sub_account, role), add_member(agency, role)
    close(sub_account)

    withdraws = set() if role == Role.MEMBER else {Permission.WITHDRAW}
    assert permissions(user=own, account=sub_account) == {SEE} | withdraws
    assert permissions(user=of_agency, account=sub_account) == {SEE}


def test_visible_accounts_are_the_own_ones_and_the_sub_accounts_of_own_agencies(agency):
    user = add_member(agency, Role.MEMBER)
    second = make_sub_account("Second", agency=agency)
    alone = make_individual()
    add_member(alone, Role.MEMBER, user=user)
    make_sub_account("Foreign")

    assert set(access.visible_accounts(user=user)) == {agency, second, alone}


def test_permissions_take_one_query(sub_account, django_assert_num_queries):
    user = add_member(sub_account.agency, Role.ADMIN)

    with django_assert_num_queries(1):
        permissions(user=user, account=sub_account)


def test_require_hides_from_strangers_and_tells_others_who_may(agency, sub_account):
    member, agency_owner = add_member(sub_account), add_member(agency, Role.OWNER)

    with pytest.raises(NotFound, match="There is no such account"):
        access.require(user=make_user(), account=sub_account, permission=SEE)
    with pytest.raises(Forbidden, match="Only owners and admins of Northside Dental may"):
        access.require(user=member, account=sub_account, permission=MONEY)
    with pytest.raises(Forbidden, match="Only owners and admins of Northside Dental may"):
        access.require(user=agency_owner, account=sub_account, permission=MONEY)
    with pytest.raises(Forbidden, match="Northside Dental or of its agency"):
        access.require(user=member, account=sub_account, permission=CAMPAIGNS)
    with pytest.raises(Forbidden, match="Only owners and admins of Brightline Agency"):
        access.require(user=member, account=sub_account, permission=ALLOCATE)
    access.require(user=agency_owner, account=sub_account, permission=ALLOCATE)


def test_the_primary_account_of_an_agency_gets_no_allocation(agency):
    owner = add_member(agency, Role.OWNER)

    with pytest.raises(Forbidden, match="Only sub-accounts get a monthly allocation"):
        access.require(user=owner, account=agency, permission=ALLOCATE)


def test_a_closed_account_says_that_it_is_closed(sub_account):
    owner = add_member(sub_account, Role.OWNER)
    key, _ = make_key(sub_account)
    close(sub_account)

    with pytest.raises(Forbidden, match="Northside Dental is closed"):
        access.require(user=owner, account=sub_account, permission=MONEY)
    with pytest.raises(Forbidden, match="Northside Dental is closed"):
        access.require_key(key=key, account=sub_account, permission=MONEY)


EVERY_SCOPE_COMBINATION = [
    ({Scope.READ}, {SEE}),
    ({Scope.WRITE}, {MONEY, ALLOCATE, CAMPAIGNS}),
    ({Scope.CALLS}, {CALLS}),
    ({Scope.READ, Scope.WRITE}, {SEE, MONEY, ALLOCATE, CAMPAIGNS}),
    ({Scope.READ, Scope.CALLS}, {SEE, CALLS}),
    ({Scope.WRITE, Scope.CALLS}, {MONEY, ALLOCATE, CAMPAIGNS, CALLS}),
    ({Scope.READ, Scope.WRITE, Scope.CALLS}, {SEE, MONEY, ALLOCATE, CAMPAIGNS, CALLS}),
]


@pytest.mark.parametrize(("scopes", "scoped"), EVERY_SCOPE_COMBINATION)
@pytest.mark.parametrize(
    ("_case", "key_of", "account_is", "reach"),
    [
        ("own account", "agency", "agency", {SEE, MONEY, CAMPAIGNS, CALLS}),
        ("own sub-account", "sub_account", "sub_account", {SEE, MONEY, CAMPAIGNS, CALLS}),
        ("agency's key", "agency", "sub_account", {SEE, ALLOCATE}),
        ("sub-account's key at its agency", "sub_account", "agency", set()),
        ("stranger's key", "stranger", "sub_account", set()),
        ("platform's key", None, "sub_account", {SEE, MONEY, ALLOCATE, CAMPAIGNS, CALLS}),
        ("platform's key, primary", None, "agency", {SEE, MONEY, CAMPAIGNS, CALLS}),
    ],
)
def test_a_key_may_what_both_its_scopes_and_its_owner_allow(
    agency, sub_account, scopes, scoped, _case, key_of, account_is, reach
):
    places = {"agency": agency, "sub_account": sub_account, "stranger": make_individual()}
    key, _ = make_key(places.get(key_of), *scopes)

    assert key_permissions(key=key, account=places[account_is]) == scoped & reach


def test_a_closed_account_is_read_and_still_charged_for_calls(sub_account):
    own, _ = make_key(sub_account)
    platform, _ = make_key(None)
    close(sub_account)

    assert key_permissions(key=own, account=sub_account) == {SEE, CALLS}
    assert key_permissions(key=platform, account=sub_account) == {SEE, CALLS}


@pytest.mark.parametrize(
    ("_case", "scopes", "permission", "sentence"),
    [
        ("scope missing", [Scope.READ], MONEY, "needs an API key with the scope “write”"),
        ("calls missing", [Scope.READ, Scope.WRITE], CALLS, "the scope “calls”"),
        ("only the account itself", [Scope.WRITE], MONEY, "an API key of Northside Dental itself"),
    ],
)
def test_a_refused_key_is_told_which_key_it_needs(
    agency, sub_account, _case, scopes, permission, sentence
):
    key, _ = make_key(agency, *scopes)

    with pytest.raises(Forbidden, match=sentence):
        access.require_key(key=key, account=sub_account, permission=permission)


def test_a_strangers_key_learns_nothing(sub_account):
    key, _ = make_key(make_individual())

    with pytest.raises(NotFound):
        access.require_key(key=key, account=sub_account, permission=SEE)


def test_only_agencies_have_sub_accounts(agency, sub_account):
    access.require_agency(account=agency)

    for account in (sub_account, make_individual()):
        with pytest.raises(NotFound):
            access.require_agency(account=account)


def test_a_key_that_may_passes(agency):
    key, _token = make_key(agency, Scope.READ)

    access.require_key(key=key, account=agency, permission=SEE)


class TestStanding:
    def test_without_a_choice_it_is_the_first_account_joined(self):
        user = make_user()
        first = make_individual(owner=user)
        add_member(make_agency(), Role.ADMIN, user=user)

        found = access.standing(user=user, account_id=None)

        assert (found.account, found.role) == (first, Role.OWNER)
        assert found.permissions == MANAGES

    def test_staff_of_the_agency_stand_in_a_sub_account_without_a_role(self, agency, sub_account):
        user = add_member(agency, Role.ADMIN)

        found = access.standing(user=user, account_id=sub_account.pk)

        assert (found.account, found.role) == (sub_account, "")
        assert found.permissions == {SEE, ALLOCATE, CAMPAIGNS}

    def test_an_account_that_is_no_longer_visible_falls_back(self, agency, sub_account):
        user = add_member(agency, Role.ADMIN)
        add_member(own := make_individual(), Role.OWNER, user=user)
        Membership.objects.filter(user=user, account=agency).delete()

        assert access.standing(user=user, account_id=sub_account.pk).account == own

    def test_whoever_works_nowhere_stands_nowhere(self, sub_account):
        assert access.standing(user=make_user(), account_id=sub_account.pk) is None
