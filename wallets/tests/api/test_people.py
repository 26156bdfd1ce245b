"""Members, invitations and notices, as programs read them."""

import pytest

from accounts.models import Invitation, Role
from accounts.people import members
from accounts.telling.notifications import notify
from accounts.tests.builders import (
    add_member,
    make_agency,
    make_individual,
    make_sub_account,
    make_user,
)
from wallets.tests.worlds.api_clients import client_of, refusal

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nudges")]

V1 = "/api/v1"


@pytest.fixture
def account():
    return make_individual(owner=make_user("ada@example.com", name="Ada"))


@pytest.fixture
def client(account):
    return client_of(account, "read")


def test_members_are_listed_with_their_roles_in_pages(client, account):
    add_member(account, Role.MEMBER, user=make_user("bo@example.com", name="Bo"))

    first = client.get(f"{V1}/members?limit=1").json()
    second = client.get(first["next"]).json()
    by_value = client.get(f"{V1}/members?limit=1&cursor={first['next_cursor']}").json()

    assert [(one["name"], one["email"], one["role"]) for one in first["results"]] == [
        ("Ada", "ada@example.com", "owner")
    ]
    assert [one["name"] for one in second["results"]] == ["Bo"]
    assert (second["next"], second["next_cursor"]) == (None, None)
    assert by_value == second


def test_invitations_that_wait_are_listed_and_no_link_to_join(client, account):
    owner = account.memberships.get().user
    members.invite(account=account, email="new@example.com", role="admin", invited_by=owner)

    [row] = client.get(f"{V1}/invitations").json()["results"]

    assert (row["email"], row["role"], row["invited_by"]) == (
        "new@example.com",
        "admin",
        str(owner),
    )
    assert row["is_expired"] is False
    assert Invitation.objects.get().nonce not in str(row)


def test_notices_are_listed_newest_first_and_stay_unread(client, account):
    for text in ("One", "Two"):
        notify(account=account, kind="test", title="T", text=text, mail=False)

    body = client.get(f"{V1}/notices").json()

    assert [one["text"] for one in body["results"]][:2] == ["Two", "One"]
    assert not any(one["is_read"] for one in body["results"])
    assert not account.notifications.filter(read_at__isnull=False).exists()


@pytest.mark.parametrize("route", ["members", "invitations", "notices"])
def test_an_agency_reads_of_its_sub_account_and_a_stranger_does_not(route):
    sub = make_sub_account(agency=make_agency())

    assert client_of(sub.agency, "read").get(f"{V1}/{route}?account={sub.pk}").status_code == 200
    refusal(client_of(make_agency(), "read").get(f"{V1}/{route}?account={sub.pk}"), 404)


@pytest.mark.parametrize("query", ["cursor=x", "cursor=-1", "limit=0", "limit=201", "page=2"])
@pytest.mark.parametrize("route", ["members", "invitations", "notices"])
def test_a_question_that_makes_no_sense_is_refused(client, route, query):
    refusal(client.get(f"{V1}/{route}?{query}"), 400)
