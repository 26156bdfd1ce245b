"""GET calls and GET usage: what programs read of calls."""

import csv
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts import clock
from accounts.tests.builders import make_agency, make_individual, make_sub_account
from campaigns import calls
from campaigns.tests.builders import make_campaign, make_report, make_wallet
from wallets.tests.worlds.api_clients import client_of, refusal

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nudges")]

CALLS, USAGE = "/api/v1/calls", "/api/v1/usage"
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def noon():
    with clock.at(NOON):
        yield


@pytest.fixture
def account():
    account = make_individual(timezone="UTC")
    make_wallet(account=account, credit="10", premium=90)
    return account


def report(account, *seconds: int, hours_ago: int = 1, **more) -> None:
    reports = [
        make_report(
            account, seconds=one, ended_at=NOON - timedelta(hours=hours_ago, minutes=number), **more
        )
        for number, one in enumerate(seconds)
    ]
    calls.record(reports=reports, reporter=None)


def test_a_call_tells_what_paid_for_it(account):
    spring = make_campaign(account, external_id="spring")
    report(account, 120, campaign=spring, id="call-7")
    batch = account.calls.get().batch

    [row] = client_of(account, "read").get(CALLS).json()["results"]

    assert row == {
        "id": "call-7",
        "account": str(account.pk),
        "campaign": "spring",
        "minute_type": "premium",
        "outcome": "completed",
        "ended_at": "2026-11-20T11:00:00Z",
        "seconds": 120,
        "taken_seconds": {"included": 0, "premium": 90, "basic": 0, "credit": 30},
        "rate": "0.160000",
        "cost": "0.080000",
        "entries": f"calls:{batch}",
    }


def test_calls_are_filtered_and_paged(account):
    spring = make_campaign(account, external_id="spring")
    report(account, 10, 20, campaign=spring)
    report(account, 30, minute_type="basic", outcome="no_answer", hours_ago=30)
    client = client_of(account)

    def seconds(query: str) -> list[int]:
        return [one["seconds"] for one in client.get(f"{CALLS}?{query}").json()["results"]]

    first = client.get(f"{CALLS}?limit=2").json()
    rest = client.get(first["next"]).json()

    assert [one["seconds"] for one in first["results"] + rest["results"]] == [10, 20, 30]
    assert rest["next"] is None
    assert seconds("campaign=spring") == [10, 20]
    assert seconds("minute_type=basic") == seconds("outcome=no_answer") == [30]
    assert seconds("from=2026-11-19&to=2026-11-19") == [30]
    assert seconds("from=2026-11-20T11:00:00Z") == [10]


def test_calls_and_usage_cost_the_same_queries_however_many_there_are():
    agency = make_agency(timezone="UTC")
    client = client_of(agency)

    def costs(subs: int) -> list[int]:
        for _ in range(subs):
            sub = make_sub_account(agency=agency)
            report(sub, 60, 60, campaign=make_campaign(sub))
        found = []
        for query in ("include=sub_accounts", "include=sub_accounts&by=campaign"):
            path = USAGE if "by=" in query else CALLS
            with CaptureQueriesContext(connection) as asked:
                assert client.get(f"{path}?{query}").status_code == 200
            found.append(len(asked))
        return found

    costs(1)
    assert costs(1) == costs(6)


@pytest.mark.parametrize("accepted", ["text/csv", "text/csv; charset=utf-8", "*/*"])
def test_whoever_asks_for_the_file_may_accept_nothing_else(account, accepted):
    report(account, 60, id="call-7")
    client, accept = client_of(account, "read"), {"Accept": accepted}

    answer = client.get(f"{CALLS}?output=csv", headers=accept)
    refused = client.get(f"{CALLS}?output=csv&limit=5", headers=accept)

    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert b"call-7" in b"".join(answer.streaming_content)
    assert list(refusal(refused, 400)["fields"]) == ["limit"]
    assert refused["Content-Type"] == "application/json"


def test_what_is_no_file_is_not_answered_to_who_accepts_csv_alone(account):
    answer = client_of(account, "read").get(CALLS, headers={"Accept": "text/csv"})

    assert refusal(answer, 406)["code"] == "not_acceptable"


def test_calls_are_one_csv_however_many(account, monkeypatch):
    monkeypatch.setattr("campaigns.limits.CALLS_PER_BATCH", 2)
    report(account, 10, 20, campaign=make_campaign(account, external_id="=cmd()"))
    report(account, 30, hours_ago=3)

    answer = client_of(account).get(f"{CALLS}?output=csv")

    rows = list(csv.DictReader(b"".join(answer.streaming_content).decode().splitlines()))
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert [row["seconds"] for row in rows] == ["10", "20", "30"]
    assert [row["campaign"] for row in rows] == ["'=cmd()", "'=cmd()", ""]


def test_usage_tells_the_figures_of_the_page(account):
    spring = make_campaign(account, external_id="spring", name="Spring offers")
    report(account, 120, campaign=spring)
    report(account, 60, hours_ago=24 * 31)

    body = client_of(account, "read").get(f"{USAGE}?by=campaign").json()

    figures = {
        "calls": 1,
        "seconds": 120,
        "average_seconds": "120.0",
        "included_seconds": 0,
        "premium_seconds": 90,
        "basic_seconds": 0,
        "credit": "0.080000",
    }
    assert (body["from"], body["to"], body["by"]) == ("2026-10-22", "2026-11-20", "campaign")
    assert body["total"] == figures
    assert body["before"]["seconds"] == 60
    assert body["results"] == [{"key": "spring", "label": "Spring offers", "figures": figures}]


def test_an_agency_reads_over_all_its_sub_accounts():
    agency = make_agency(timezone="UTC")
    sub = make_sub_account("Dental", agency=agency)
    stranger = make_individual()
    for one in (agency, sub, stranger):
        report(one, 60)
    client = client_of(agency)

    every = client.get(f"{CALLS}?include=sub_accounts").json()["results"]
    used = client.get(f"{USAGE}?include=sub_accounts&by=account").json()

    assert {one["account"] for one in every} == {str(agency.pk), str(sub.pk)}
    assert used["total"]["calls"] == 2
    assert {one["key"] for one in used["results"]} == {str(agency.pk), str(sub.pk)}
    assert len(client.get(f"{CALLS}?account={sub.pk}").json()["results"]) == 1
    for path in (CALLS, USAGE):
        refusal(client.get(f"{path}?account={stranger.pk}"), 404)
        refusal(client_of(sub).get(f"{path}?include=sub_accounts"), 404)


@pytest.mark.parametrize("path", [CALLS, USAGE])
@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("from=2026-13-01", "from"),
        ("outcome=busy", "outcome"),
        ("include=all", "include"),
        ("since=2026-11-01", "since"),
    ],
)
def test_what_makes_no_sense_is_refused(account, path, query, field):
    error = refusal(client_of(account).get(f"{path}?{query}"), 400)

    assert [name.partition(".")[0] for name in error["fields"]] == [field]


@pytest.mark.parametrize(
    ("path", "query", "field"),
    [
        (CALLS, "from=2026-11-20&to=2026-11-19", "to"),
        (CALLS, "cursor=abc", "cursor"),
        (CALLS, "output=xml", "output"),
        (USAGE, "from=2026-11-20&to=2026-11-19", "to"),
        (USAGE, "from=2026-11-21", "from"),
        (USAGE, "to=9999-12-31", "to"),
        (USAGE, "from=0001-01-01&to=0001-01-02", "to"),
        (USAGE, "to=0001-01-01", "to"),
        (CALLS, "from=2026-11-21", "from"),
        (CALLS, "from=0001-01-01&to=0001-01-02", "to"),
        (CALLS, "output=csv&cursor=abc", "cursor"),
        (CALLS, "output=csv&limit=10", "limit"),
        (USAGE, "from=2026-11-21&to=2026-11-22", "from"),
        (USAGE, "from=2020-01-01", "to"),
        (USAGE, "by=hour", "by"),
    ],
)
def test_a_range_or_a_choice_that_is_none_is_refused(account, path, query, field):
    error = refusal(client_of(account).get(f"{path}?{query}"), 400)

    assert list(error["fields"]) == [field]


def test_a_campaign_id_that_several_sub_accounts_use_is_all_of_theirs():
    """Only one of them was told."""
    agency = make_agency(timezone="UTC")
    for name in ("Dental", "Vet"):
        sub = make_sub_account(name, agency=agency)
        report(sub, 60, campaign=make_campaign(sub, external_id="spring"))
        report(sub, 60)
    client = client_of(agency)

    told = client.get(f"{CALLS}?include=sub_accounts&campaign=spring").json()["results"]
    used = client.get(f"{USAGE}?include=sub_accounts&campaign=spring&by=account").json()

    assert len({one["account"] for one in told}) == 2
    by_campaign = client.get(f"{USAGE}?include=sub_accounts&by=campaign").json()["results"]
    assert used["total"]["calls"] == 2
    assert [one["figures"]["calls"] for one in used["results"]] == [1, 1, 0]
    assert [(one["key"], one["label"].partition(" (")[2]) for one in by_campaign] == [
        (None, ""),
        ("spring", "Dental)"),
        ("spring", "Vet)"),
    ]


def test_a_cursor_of_calls_is_none_of_any_other_list(account):
    report(account, 60, 60)
    client = client_of(account, "read")
    cursor = client.get(f"{CALLS}?limit=1").json()["next"].partition("cursor=")[2].partition("&")[0]

    assert len(client.get(f"{CALLS}?cursor={cursor}").json()["results"]) == 1
    for path in ("wallet/entries", "wallet/recharges", "receipts"):
        error = refusal(client.get(f"/api/v1/{path}?cursor={cursor}"), 400)
        assert list(error["fields"]) == ["cursor"]


def test_a_campaign_of_others_is_not_found(account):
    make_campaign(make_individual(), external_id="theirs")

    for path in (CALLS, USAGE):
        refusal(client_of(account).get(f"{path}?campaign=theirs"), 404)
