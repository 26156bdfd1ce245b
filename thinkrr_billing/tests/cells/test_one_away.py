"""While one cell is away, whoever needs another goes on, and its own are told to come again."""

from contextlib import contextmanager

import pytest
from django.db import OperationalError, connection
from django.test import Client

from accounts.cells import place
from accounts.cells.place import inside
from accounts.models import Scope
from accounts.tests.builders import make_individual, make_user
from tests.two_cells import FIRST, SECOND
from wallets.tests.worlds.api_clients import client_of
from wallets.tests.worlds.builders import make_wallet


def refuse(execute, sql, params, many, context):
    if place.current() == FIRST:
        raise OperationalError("the server closed the connection")
    return execute(sql, params, many, context)


def is_away():
    return connection.execute_wrapper(refuse)


@contextmanager
def is_not_there():
    rename("cell_first", "somewhere_else")
    try:
        yield
    finally:
        rename("somewhere_else", "cell_first")


def rename(before, after):
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER SCHEMA {before} RENAME TO {after}")


def client_for(person):
    client = Client(raise_request_exception=False)
    client.force_login(person)
    return client


MISSING = "Some of your accounts cannot be shown at the moment."


@pytest.mark.usefixtures("two_cells")
def test_a_person_of_two_cells_works_in_the_other_and_is_told_what_is_missing():
    person = make_user()
    with inside(FIRST):
        ada = make_individual("Ada", owner=person)
    with inside(SECOND):
        bea = make_individual("Bea", owner=person)
        cleo = make_individual("Cleo", owner=person)
    client = client_for(person)
    assert client.post("/accounts/switch/", {"account": bea.pk}).status_code == 302
    assert MISSING not in client.get("/accounts/switch/").content.decode()

    with is_away():
        told = client.get("/accounts/switch/")
        assert told.status_code == 200
        page = told.content.decode()
        assert ("Ada" in page, "Cleo" in page, MISSING in page) == (False, True, True)
        assert client.get("/payments/").status_code == 200
        assert client.post("/accounts/switch/", {"account": cleo.pk}).status_code == 302
        assert client.get("/payments/").status_code == 200
        refused = client.post("/accounts/switch/", {"account": ada.pk})

    assert (refused.status_code, refused["Retry-After"]) == (503, "5")
    assert client.session["account"] == str(cleo.pk)


@pytest.mark.usefixtures("two_cells")
def test_whose_account_is_away_may_open_another_or_log_out():
    person = make_user()
    with inside(FIRST):
        ada = make_individual("Ada", owner=person)
    with inside(SECOND):
        bea = make_individual("Bea", owner=person)
    client = client_for(person)
    client.post("/accounts/switch/", {"account": ada.pk})

    with is_away():
        assert client.get("/payments/").status_code == 503
        page = client.get("/accounts/switch/").content.decode()
        assert ("Bea" in page, MISSING in page) == (True, True)
        assert client.post("/accounts/switch/", {"account": bea.pk}).status_code == 302
        assert client.get("/payments/").status_code == 200
    client.post("/accounts/switch/", {"account": ada.pk})
    with is_away():
        assert client.post("/logout/").status_code == 302

    assert "_auth_user_id" not in client.session


@pytest.mark.usefixtures("kept_cells")
@pytest.mark.parametrize("away", [is_away, is_not_there])
def test_people_of_a_cell_that_is_away_see_a_page_that_says_so(away):
    person = make_user()
    with inside(FIRST):
        make_individual(owner=person)
    client = client_for(person)

    with away():
        told = [client.get(path) for path in ("/payments/", "/accounts/switch/")]

    assert [(one.status_code, one["Retry-After"]) for one in told] == [(503, "5")] * 2
    assert all("Try again in 5 seconds." in " ".join(one.content.decode().split()) for one in told)


@pytest.mark.usefixtures("kept_cells")
@pytest.mark.parametrize("away", [is_away, is_not_there])
def test_keys_of_a_cell_that_is_away_may_come_again_and_others_go_on(away):
    with inside(FIRST):
        its = client_of(make_wallet().account, Scope.READ)
    with inside(SECOND):
        other = client_of(make_wallet().account, Scope.READ)

    with away():
        told = [its.get("/api/v1/wallet"), its.get("/api/v1/wallet/entries")]
        assert other.get("/api/v1/wallet").status_code == 200

    assert [(one.status_code, one["Retry-After"]) for one in told] == [(503, "5")] * 2
    assert {one.json()["error"]["code"] for one in told} == {"unavailable"}
