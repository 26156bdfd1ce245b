"""GET wallet/decisions: what was decided, in sentences for programs' readers."""

import pytest

from accounts.tests.builders import make_individual
from wallets.tests.worlds.api_clients import client_of
from wallets.tests.worlds.builders import make_wallet
from wallets.why import decisions
from wallets.why.codes import Autopause

URL = "/api/v1/wallet/decisions"


@pytest.fixture
def wallet():
    return make_wallet(account=make_individual())


def decide(wallet, name):
    decisions.record(decisions.Entry(wallet.pk, Autopause.RESUMED_BY_ITSELF, name, name))


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["Spring offers", "Spring & <summer>"])
def test_a_decision_is_told_as_text_and_never_as_html(wallet, name):
    decide(wallet, name)

    response = client_of(wallet.account, "read").get(URL)

    assert response.status_code == 200
    [told] = response.json()["results"]
    assert told["text"] == f"{name} resumed by itself, because Auto-Recharge brought money."


@pytest.mark.django_db
def test_decisions_come_in_pages_by_the_value_of_their_cursor(wallet):
    for name in ("First", "Second"):
        decide(wallet, name)
    client = client_of(wallet.account, "read")

    one = client.get(URL, {"limit": 1}).json()
    two = client.get(URL, {"limit": 1, "cursor": one["next_cursor"]}).json()

    assert [row["about"] for row in one["results"] + two["results"]] == ["Second", "First"]
    assert (two["next"], two["next_cursor"]) == (None, None)


@pytest.mark.django_db
def test_an_account_without_a_wallet_has_an_empty_page():
    response = client_of(make_individual(), "read").get(URL)

    assert response.json() == {"results": [], "next": None, "next_cursor": None}
