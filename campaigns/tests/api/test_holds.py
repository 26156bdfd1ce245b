"""Holds through the API: what is asked, answered and refused."""

from datetime import UTC, datetime

import pytest

from accounts import clock
from accounts.tests.builders import make_agency, make_individual, make_key, make_sub_account
from campaigns.tests.api.test_api import Api, api_of, call, error
from campaigns.tests.builders import make_campaign, make_wallet
from wallets.models import CallHold, Wallet

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture
def wallet():
    return make_wallet(account=make_individual(), premium=100)


@pytest.fixture
def platform(client):
    return Api(client, make_key(None)[1])


def ask(api, account, *, call="c-1", seconds=60, **facts):
    if "campaign" not in facts:
        facts.setdefault("minute_type", "premium")
    sent = {"call": call, "account": str(account.pk), "seconds": seconds, **facts}
    return api.post("calls/holds", sent)


def test_a_hold_is_answered_with_its_seconds_and_its_end(platform, wallet):
    make_campaign(wallet.account, external_id="spring")

    with clock.at(NOON):
        first = ask(platform, wallet.account, campaign="spring")
        rest = ask(platform, wallet.account, call="c-2")
        none = ask(platform, wallet.account, call="c-3")

    assert (first.status_code, first.json()) == (
        200,
        {"allowed": True, "seconds": 60, "expires_at": "2026-11-22T12:11:00Z", "reason": "ok"},
    )
    assert rest.json()["seconds"] == 40
    assert none.json() == {
        "allowed": False,
        "seconds": 0,
        "expires_at": None,
        "reason": "low_balance",
    }


@pytest.mark.parametrize("name", [" c-1", "c-1 ", " "])
def test_a_hold_is_of_the_id_as_it_is_reported(platform, wallet, name):
    for one in (name, "c-1"):
        ask(platform, wallet.account, call=one, seconds=50)
    before = sorted(CallHold.objects.values_list("call", "seconds"))

    platform.post("calls", {"calls": [call(wallet.account, id=name, seconds=20)]})

    assert before == sorted([(name, 50), ("c-1", 50)])
    assert list(CallHold.objects.values_list("call", flat=True)) == ["c-1"]


def test_a_campaign_is_found_by_its_id_as_it_is(platform, wallet):
    its, account = f"account={wallet.account.pk}", wallet.account
    platform.put(f"campaigns/%20spring?{its}", {"name": "Spring", "minute_type": "premium"})
    platform.post(f"campaigns/%20spring/start?{its}")

    may = {"account": str(account.pk), "campaign": " spring"}
    assert platform.post("calls/authorize", may).json()["reason"] == "ok"
    assert ask(platform, account, campaign=" spring").json()["seconds"] == 60
    for path in ("calls", "usage"):
        assert platform.get(f"{path}?{its}&campaign=%20spring").status_code == 200
    assert error(platform.post("calls/authorize", may | {"campaign": "spring"}))["code"] == (
        "unknown_campaign"
    )


def test_a_reported_call_frees_what_it_held_and_says_so_when_it_is_held_again(platform, wallet):
    ask(platform, wallet.account)

    platform.post("calls", {"calls": [call(wallet.account, id="c-1", seconds=20)]})

    assert ask(platform, wallet.account).json()["reason"] == "reported"
    assert ask(platform, wallet.account, call="c-2", seconds=90).json()["seconds"] == 80


def test_releasing_is_answered_the_same_however_often(platform, wallet):
    ask(platform, wallet.account, call="a/b c")

    answers = [platform.send("DELETE", "calls/holds/a%2Fb%20c") for _ in range(2)]

    assert [(one.status_code, one.content) for one in answers] == [(204, b"")] * 2
    assert not CallHold.objects.exists()


def test_nobody_releases_what_another_key_holds(client, platform, wallet):
    ask(platform, wallet.account)
    own = api_of(client, wallet.account, "calls")

    assert own.send("DELETE", "calls/holds/c-1").status_code == 204
    assert CallHold.objects.get().seconds == 60


def test_an_account_holds_for_its_own_calls_and_an_agency_not_for_its_sub_accounts(client):
    agency = make_agency()
    sub_account = make_sub_account(agency=agency)
    for account in (agency, sub_account):
        make_wallet(account=account, premium=60)
    api = api_of(client, agency, "calls")

    own, of_sub_account = ask(api, agency), ask(api, sub_account)

    assert own.json()["seconds"] == 60
    assert of_sub_account.status_code == 403
    assert CallHold.objects.get().reporter == agency.pk


@pytest.mark.parametrize(("method", "path"), [("POST", "calls/holds"), ("DELETE", "calls/holds/c")])
def test_without_the_scope_nothing_is_held_or_released(client, wallet, method, path):
    body = {"call": "c", "account": str(wallet.account_id), "seconds": 1, "minute_type": "basic"}
    api = api_of(client, None, "read", "write")

    answer = api.send(method, path, body if method == "POST" else None)

    assert (answer.status_code, error(answer)["code"]) == (403, "forbidden")
    assert not CallHold.objects.exists()


@pytest.mark.parametrize(
    "facts",
    [
        {"minute_type": "gold"},
        {"campaign": "x", "minute_type": "basic"},
        {"seconds": 0},
        {"seconds": 86_401},
        {"seconds": "60"},
        {"seconds": 60.0},
        {"call": ""},
        {"call": "a\nb"},
        {"call": "c" * 121},
        {"live": 1},
    ],
)
def test_a_hold_that_makes_no_sense_is_400_and_reserves_nothing(platform, wallet, facts):
    before = Wallet.objects.values().get()

    assert ask(platform, wallet.account, **facts).status_code == 400
    assert Wallet.objects.values().get() == before


def test_a_hold_needs_the_campaign_or_the_minute_type(platform, wallet):
    sent = {"call": "c-1", "account": str(wallet.account_id), "seconds": 60}

    assert platform.post("calls/holds", sent).status_code == 400
    assert ask(platform, wallet.account, campaign="nowhere").status_code == 404


def test_releasing_takes_no_body_and_only_what_can_be_an_id(platform):
    assert platform.send("DELETE", "calls/holds/c-1", {"all": True}).status_code == 400
    assert platform.send("DELETE", "calls/holds/" + "c" * 121).status_code == 400


def test_the_longest_call_may_be_held(platform):
    wallet = make_wallet(account=make_individual(), premium=90_000)

    assert ask(platform, wallet.account, seconds=86_400).json()["seconds"] == 86_400


@pytest.mark.outside_of_cells("the cell of the account is asked for besides")
def test_a_hold_costs_as_many_statements_as_a_question(
    platform, wallet, django_assert_max_num_queries
):
    make_campaign(wallet.account, external_id="spring")

    # Two are the savepoint of the test's own transaction.
    with django_assert_max_num_queries(10):
        ask(platform, wallet.account, campaign="spring")
