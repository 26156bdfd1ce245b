"""Programs work in the cell of the account they are about, and a batch of calls in several."""

import uuid
from datetime import timedelta

import pytest
from django.db import OperationalError, connection

from accounts import clock
from accounts.cells import place
from accounts.cells.place import inside
from accounts.models import CellOfAccount, KeptAnswer, Scope
from campaigns import batches, calls, recording
from campaigns.models import Call
from campaigns.tests.builders import make_report
from tests.two_cells import FIRST, SECOND
from thinkrr_billing.tests.cells.worlds import wallet_in
from wallets.balances import holds
from wallets.models import CallHold, Wallet
from wallets.tests.worlds.api_clients import client_of, refusal

pytestmark = pytest.mark.usefixtures("two_cells")


def pots(cell):
    with inside(cell):
        return [str(wallet.credit.amount) for wallet in Wallet.objects.order_by("pk")]


def test_a_key_of_an_account_opens_its_cell():
    wallet_in(FIRST, credit="11.00")
    wallet = wallet_in(SECOND, credit="23.00")
    with inside(SECOND):
        client = client_of(wallet.account, Scope.READ)

    assert client.get("/api/v1/wallet").json()["credit"] == "23.000000"
    assert place.current() == ""


def test_the_platforms_key_is_led_to_each_account_it_names():
    wallets = [wallet_in(FIRST, credit="11.00"), wallet_in(SECOND, credit="23.00")]
    client = client_of(None, Scope.READ)

    found = [client.get(f"/api/v1/wallet?account={one.account_id}").json() for one in wallets]

    assert [one["credit"] for one in found] == ["11.000000", "23.000000"]
    assert client.get(f"/api/v1/wallet?account={uuid.uuid4()}").status_code == 404


def test_a_key_whose_account_is_nowhere_may_come_again():
    wallet = wallet_in(SECOND)
    with inside(SECOND):
        client = client_of(wallet.account, Scope.READ)
    CellOfAccount.objects.filter(pk=wallet.account_id).delete()

    answer = client.get("/api/v1/wallet")

    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert answer.json()["error"]["code"] == "unavailable"


def test_a_batch_is_split_by_cell_and_answered_in_order():
    first, second = wallet_in(FIRST, credit="10"), wallet_in(SECOND, credit="10")
    named = [second.account_id, first.account_id, uuid.uuid4(), second.account_id]
    reports = [make_report(pk, seconds=60, id=f"c{at}") for at, pk in enumerate(named)]

    told = batches.record(reports=reports, reporter=None)
    again = batches.record(reports=reports, reporter=None)

    assert [one.id for one in told] == ["c0", "c1", "c2", "c3"]
    assert [one.status for one in told] == ["charged", "charged", "rejected", "charged"]
    assert told[2].error.code == "unknown_account"
    assert [one.status for one in again] == ["duplicate", "duplicate", "rejected", "duplicate"]
    for cell, recorded in ((FIRST, ["c1"]), (SECOND, ["c0", "c3"])):
        with inside(cell):
            assert sorted(call.external_id for call in Call.objects.all()) == recorded


def test_a_cell_that_is_away_rejects_its_own_calls_only(monkeypatch):
    first, second = wallet_in(FIRST, credit="10"), wallet_in(SECOND, credit="10")
    before, record = pots(FIRST), calls.record

    def away(**batch):
        if place.current() == FIRST:
            raise OperationalError("the server closed the connection")
        return record(**batch)

    monkeypatch.setattr(calls, "record", away)
    reports = [make_report(one.account_id, seconds=60) for one in (first, second)]
    told = batches.record(reports=reports, reporter=None)

    assert [one.status for one in told] == ["rejected", "charged"]
    assert told[0].error.code == "unavailable"
    assert pots(FIRST) == before


def test_a_cell_whose_schema_is_gone_rejects_its_own_calls_only():
    first, second = wallet_in(FIRST, credit="10"), wallet_in(SECOND, credit="10")
    with connection.cursor() as cursor:
        cursor.execute("ALTER SCHEMA cell_first RENAME TO gone")

    reports = [make_report(one.account_id, seconds=60) for one in (first, second)]
    told = batches.record(reports=reports, reporter=None)

    assert [one.status for one in told] == ["rejected", "charged"]
    assert told[0].error.code == "unavailable"


def test_an_id_that_a_batch_names_for_accounts_of_two_cells_is_charged_once():
    first, second = wallet_in(FIRST, credit="10"), wallet_in(SECOND, credit="10")
    before = pots(FIRST)
    same = [make_report(one.account_id, seconds=60, id="c1") for one in (second, first, second)]
    nobodys = make_report(uuid.uuid4(), seconds=60, id="c1")
    others = [make_report(one.account_id, seconds=60) for one in (first, second)]

    told = batches.record(reports=[*same, nobodys, *others], reporter=None)

    statuses = [(one.status, one.error and one.error.code) for one in told]
    assert statuses == [
        ("charged", None),
        ("rejected", "conflict"),
        ("rejected", "conflict"),
        ("rejected", "unknown_account"),
        ("charged", None),
        ("charged", None),
    ]
    with inside(FIRST):
        assert [call.external_id for call in Call.objects.all()] == [others[0].id]
    assert before != pots(FIRST)


def test_an_id_whose_first_report_was_refused_may_be_another_accounts():
    first, second = wallet_in(FIRST, credit="10"), wallet_in(SECOND, credit="10")
    refused = make_report(first.account_id, seconds=60, id="c1", campaign="not there")
    good = make_report(second.account_id, seconds=60, id="c1")

    told = batches.record(reports=[refused, good, refused], reporter=None)

    assert [one.status for one in told] == ["rejected", "charged", "rejected"]
    assert told[0].error.code == told[2].error.code == "unknown_campaign"


def test_an_id_whose_first_cell_is_away_is_charged_in_no_other(monkeypatch):
    first, second = wallet_in(FIRST, credit="10"), wallet_in(SECOND, credit="10")
    before, record = pots(SECOND), calls.record

    def away(**batch):
        if place.current() == FIRST:
            raise OperationalError("the server closed the connection")
        return record(**batch)

    monkeypatch.setattr(calls, "record", away)
    reports = [make_report(one.account_id, seconds=60, id="c1") for one in (first, second)]
    told = batches.record(reports=reports, reporter=None)

    assert [one.error.code for one in told] == ["unavailable", "unavailable"]
    assert pots(SECOND) == before


def test_between_batches_an_id_is_looked_up_in_its_accounts_cell():
    first, second = wallet_in(FIRST, credit="10"), wallet_in(SECOND, credit="10")
    reports = [make_report(one.account_id, seconds=60, id="c1") for one in (first, second)]

    told = [batches.record(reports=[report], reporter=None)[0] for report in (*reports, *reports)]

    assert [one.status for one in told] == ["charged", "charged", "duplicate", "duplicate"]


def test_what_one_key_reports_in_two_cells_never_waits_for_each_other(monkeypatch):
    groups, do = [], recording._groups.do
    monkeypatch.setattr(
        recording._groups, "do", lambda **one: groups.append(one["key"]) or do(**one)
    )

    for cell in (FIRST, SECOND):
        wallet = wallet_in(cell, credit="10")
        with inside(cell):
            [told] = recording.record(
                reports=[make_report(wallet.account_id)], reporter=None, client="a key"
            )
        assert told.status == "charged"

    assert groups == [("a key", FIRST), ("a key", SECOND)]


def holding(wallet, **changes):
    account = wallet and str(wallet.account_id)
    facts = {"account": account, "minute_type": "premium", "seconds": 60}
    return {"call": "c1", **facts, **changes}


def held(cell):
    with inside(cell):
        return list(CallHold.objects.values_list("call", "seconds"))


@pytest.mark.parametrize("key", [{}, {"HTTP_IDEMPOTENCY_KEY": "one"}])
def test_the_platform_holds_and_releases_in_the_cell_of_the_call(key):
    wallet_in(FIRST, credit="10")
    wallet = wallet_in(SECOND, credit="10")
    client = client_of(None, Scope.CALLS)

    placed = [client.post("/api/v1/calls/holds", holding(wallet), **key) for _ in range(2)]
    before = held(SECOND)
    released = [client.delete("/api/v1/calls/holds/c1") for _ in range(2)]

    assert [one.json()["seconds"] for one in placed] == [60, 60]
    assert [one.status_code for one in released] == [204, 204]
    assert (before, held(FIRST), held(SECOND)) == ([("c1", 60)], [], [])


def test_a_release_is_repeated_by_its_key():
    wallet = wallet_in(SECOND, credit="10")
    client = client_of(None, Scope.CALLS)
    client.post("/api/v1/calls/holds", holding(wallet))
    sent = {"HTTP_IDEMPOTENCY_KEY": "one"}

    first = client.delete("/api/v1/calls/holds/c1", **sent)
    client.post("/api/v1/calls/holds", holding(wallet))
    again = client.delete("/api/v1/calls/holds/c1", **sent)

    assert (first.status_code, again.status_code) == (204, 204)
    assert again["Idempotency-Replayed"] == "true"
    assert held(SECOND) == [("c1", 60)]


def test_a_key_that_held_for_another_account_of_the_cell_is_refused():
    one, other = wallet_in(SECOND, credit="10"), wallet_in(SECOND, credit="10")
    client, sent = client_of(None, Scope.CALLS), {"HTTP_IDEMPOTENCY_KEY": "one"}
    client.post("/api/v1/calls/holds", holding(one), **sent)

    answer = client.post("/api/v1/calls/holds", holding(other, call="c2"), **sent)

    assert refusal(answer, 422)["code"] == "idempotency_key_reused"
    assert held(SECOND) == [("c1", 60)]


@pytest.mark.parametrize(("away", "status"), [(FIRST, 204), (SECOND, 503)])
def test_a_release_whose_cell_may_be_away_is_to_be_sent_again(monkeypatch, away, status):
    wallet = wallet_in(SECOND, credit="10")
    client = client_of(None, Scope.CALLS)
    client.post("/api/v1/calls/holds", holding(wallet))
    look = holds.account_of

    def look_unless_away(**call):
        if place.current() == away:
            raise OperationalError("the server closed the connection")
        return look(**call)

    monkeypatch.setattr(holds, "account_of", look_unless_away)
    answer = client.delete("/api/v1/calls/holds/c1")

    assert answer.status_code == status
    assert held(SECOND) == ([] if status == 204 else [("c1", 60)])


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("post", "sub-accounts?account={}", {"name": "A", "owner_email": "a@example.com"}),
        ("put", "wallet/low-minutes?account={}", {"minutes": 5}),
        ("put", "campaigns/spring?account={}", {"name": "A", "minute_type": "basic"}),
        ("put", "sub-accounts/{}", {"name": "A"}),
        ("post", "calls/holds", holding(None)),
    ],
)
def test_an_account_that_is_in_no_cell_is_not_found_with_a_key_either(method, path, body):
    client, nobody = client_of(None), str(uuid.uuid4())
    body = body | ({"account": nobody} if "account" in body else {})

    answers = [
        getattr(client, method)(f"/api/v1/{path.format(nobody)}", body, **key)
        for key in ({}, {"HTTP_IDEMPOTENCY_KEY": "one"})
    ]

    assert [refusal(one, 404)["code"] for one in answers] == ["not_found"] * 2
    assert not KeptAnswer.objects.exists()


def test_changes_are_followed_account_by_account():
    wallet = wallet_in(SECOND, credit="10")
    client = client_of(None, Scope.READ)

    error = refusal(client.get("/api/v1/changes"), 400)

    assert list(error["fields"]) == ["account"]
    assert client.get(f"/api/v1/changes?account={wallet.account_id}").status_code == 200


def sent_call(wallet, name="c1"):
    return {
        "id": name,
        "account": str(wallet.account_id),
        "minute_type": "premium",
        "seconds": 60,
        "ended_at": (clock.now() - timedelta(minutes=1)).isoformat(),
    }


def test_a_batch_of_which_some_were_unavailable_is_recorded_by_a_repeat(monkeypatch):
    first, second = wallet_in(FIRST, credit="10"), wallet_in(SECOND, credit="10")
    client, record = client_of(None, Scope.CALLS), calls.record
    batch = {"calls": [sent_call(first, "c1"), sent_call(second, "c2")]}
    sent = {"data": batch, "HTTP_IDEMPOTENCY_KEY": "one"}

    def away(**batch):
        if place.current() == SECOND:
            raise OperationalError("the server closed the connection")
        return record(**batch)

    with monkeypatch.context() as while_away:
        while_away.setattr(calls, "record", away)
        before = client.post("/api/v1/calls", **sent)
    told = [before, *(client.post("/api/v1/calls", **sent) for _ in range(2))]

    statuses = [[each["status"] for each in one.json()["results"]] for one in told]
    assert statuses == [["charged", "rejected"], *[["duplicate", "charged"]] * 2]
    assert ["Idempotency-Replayed" in one for one in told] == [False, False, True]


def test_a_kept_answer_of_the_platform_is_found_again():
    wallet = wallet_in(SECOND, credit="10")
    client = client_of(None, Scope.CALLS)
    sent = {"data": {"calls": [sent_call(wallet)]}, "HTTP_IDEMPOTENCY_KEY": "one"}

    told = [client.post("/api/v1/calls", **sent) for _ in range(2)]

    assert [one.json()["results"][0]["status"] for one in told] == ["charged", "charged"]
    assert told[1]["Idempotency-Replayed"] == "true"
    assert KeptAnswer.objects.count() == 1
