"""GET asks: what a sub-account asked for, and what waits for its agency, in pages."""

import pytest

from accounts.tests.builders import make_agency, make_sub_account
from wallets.allocations import asks
from wallets.tests.worlds.api_clients import client_of

URL = "/api/v1/asks"


def ask(account):
    return asks.ask(account=account, actor=None, basic_minutes=10, premium_minutes=0, words="")


def pages(client):
    one = client.get(URL, {"limit": 1}).json()
    two = client.get(URL, {"limit": 1, "cursor": one["next_cursor"]}).json()
    assert (two["next"], two["next_cursor"]) == (None, None)
    return [row["id"] for row in one["results"] + two["results"]]


@pytest.mark.django_db
def test_a_sub_account_reads_all_that_it_asked_for_latest_first():
    account = make_sub_account(agency=make_agency())
    first = ask(account)
    asks.withdraw(account=account, ask_id=first.pk, actor=None)
    second = ask(account)

    assert pages(client_of(account, "read")) == [second.pk, first.pk]


@pytest.mark.django_db
def test_an_agency_reads_what_waits_for_it_longest_first():
    agency = make_agency()
    first, second = (ask(make_sub_account(agency=agency)) for _ in range(2))

    assert pages(client_of(agency, "read")) == [first.pk, second.pk]
