"""GET wallet/recharges, receipts and statements/<month>."""

from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts import clock
from accounts.tests.builders import make_agency, make_individual, make_sub_account
from wallets.balances.opening import open_wallet
from wallets.models import Reversal
from wallets.tests.worlds.api_clients import client_of, refusal
from wallets.tests.worlds.histories import buy, post

pytestmark = pytest.mark.django_db

RECHARGES, RECEIPTS = "/api/v1/wallet/recharges", "/api/v1/receipts"
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture
def wallet():
    return open_wallet(account=make_individual(timezone="UTC"))


def paged(client, path: str) -> list[dict]:
    rows, address = [], path
    while address:
        body = client.get(address).json()
        rows += body["results"]
        address = body["next"]
    return rows


def test_recharges_are_listed_in_every_state_page_by_page(wallet):
    for hour, state in enumerate(("succeeded", "declined", "submitted")):
        with clock.at(NOON.replace(hour=hour)):
            buy(wallet, state=state)
    client = client_of(wallet.account, "read")

    rows = paged(client, f"{RECHARGES}?limit=1")

    assert [one["state"] for one in rows] == ["submitted", "declined", "succeeded"]
    assert rows[-1]["credited"]["credit"] == "50.000000"
    assert {one["account"] for one in rows} == {str(wallet.account_id)}
    paid = client.get(f"{RECHARGES}?state=succeeded&state=declined").json()["results"]
    assert [one["state"] for one in paid] == ["declined", "succeeded"]
    assert client.get(f"{RECHARGES}?from=2026-11-21&to=2026-11-21").json()["results"] == []


def test_recharges_cost_the_same_queries_however_many(wallet):
    client, counts = client_of(wallet.account), []
    client.get(RECHARGES)
    for _ in range(2):
        for _ in range(3):
            buy(wallet)
        with CaptureQueriesContext(connection) as asked:
            client.get(RECHARGES)
        counts.append(len(asked))

    assert counts[0] == counts[1]


def test_a_receipt_tells_what_was_given_back_and_its_credit_notes(wallet):
    with clock.at(NOON):
        paid = buy(wallet, receipt_number=4001)
        reversal = Reversal.objects.create(
            purchase=paid,
            kind="refund",
            amount_cents=1000,
            state="succeeded",
            reason="x",
            closed_at=NOON,
        )
        buy(wallet, state="declined")
    reversal.refresh_from_db()

    [row] = client_of(wallet.account).get(RECEIPTS).json()["results"]

    assert row == {
        "number": 4001,
        "purchase": str(paid.pk),
        "account": str(wallet.account_id),
        "amount": "50.00",
        "given_back": "10.00",
        "net": "40.00",
        "currency": "USD",
        "purpose": "recharge",
        "buys": "credit",
        "card": "Visa •••• 4242",
        "paid_at": "2026-11-20T12:00:00Z",
        "credit_notes": [
            {
                "number": f"CN-{reversal.credit_note_number}",
                "amount": "10.00",
                "refunded_at": "2026-11-20T12:00:00Z",
                "is_void": False,
            }
        ],
    }


def test_receipts_cost_the_same_queries_however_many_and_however_often_refunded(wallet):
    client = client_of(wallet.account)

    def papers(count: int) -> int:
        for _ in range(count):
            purchase = buy(wallet, receipt_number=5001 + wallet.purchases.count())
            for cents in (100, 200):
                Reversal.objects.create(
                    purchase=purchase,
                    kind="refund",
                    amount_cents=cents,
                    state="succeeded",
                    reason="x",
                    closed_at=clock.now(),
                )
        with CaptureQueriesContext(connection) as asked:
            body = client.get(f"{RECEIPTS}?limit=200").json()
        assert [one["given_back"] for one in body["results"]] == ["3.00"] * len(body["results"])
        return len(asked)

    papers(1)
    assert papers(1) == papers(8)


def test_receipts_are_paged_and_of_the_days_asked_for(wallet):
    for number in range(3):
        with clock.at(NOON.replace(day=18 + number)):
            buy(wallet, receipt_number=4001 + number)
    client = client_of(wallet.account)

    assert [one["number"] for one in paged(client, f"{RECEIPTS}?limit=1")] == [4003, 4002, 4001]
    days = client.get(f"{RECEIPTS}?from=2026-11-19&to=2026-11-19").json()["results"]
    assert [one["number"] for one in days] == [4002]


def test_an_agency_reads_all_its_sub_accounts_at_once_or_one():
    agency = make_agency()
    sub = open_wallet(account=make_sub_account(agency=agency))
    stranger = open_wallet(account=make_individual())
    buy(open_wallet(account=agency), receipt_number=1)
    buy(sub, receipt_number=2)
    buy(stranger, receipt_number=3)
    client = client_of(agency)

    for path, key in ((RECEIPTS, "number"), (RECHARGES, "receipt_number")):
        every = client.get(f"{path}?include=sub_accounts").json()["results"]
        below = client.get(f"{path}?account={sub.account_id}").json()["results"]
        assert sorted(one[key] for one in every) == [1, 2]
        assert [one[key] for one in below] == [2]
        refusal(client.get(f"{path}?account={stranger.account_id}"), 404)
        refusal(client_of(sub.account).get(f"{path}?include=sub_accounts"), 404)


def test_a_month_is_told_by_pot(wallet):
    with clock.at(NOON.replace(month=10)):
        post(wallet, "credit", "20")
        post(wallet, "premium", 600)
    with clock.at(NOON):
        post(wallet, "credit", "-2.5", kind="calls")

    with clock.at(NOON.replace(day=28)):
        body = client_of(wallet.account).get("/api/v1/statements/2026-11").json()

    assert body == {
        "account": str(wallet.account_id),
        "month": "2026-11",
        "is_complete": False,
        "pots": [
            {
                "pot": "credit",
                "unit": "USD",
                "opening": "20.000000",
                "moved": {"used": "-2.500000"},
                "closing": "17.500000",
            },
            {
                "pot": "premium",
                "unit": "seconds",
                "opening": "600",
                "moved": {},
                "closing": "600",
            },
        ],
        "sub_accounts": [],
    }


def test_an_agency_reads_the_month_of_all_its_sub_accounts_each_where_it_is():
    agency = make_agency(timezone="UTC")
    subs = [make_sub_account(name, agency=agency) for name in ("East", "North", "West")]
    for sub, zone in zip(subs, ("Pacific/Kiritimati", "UTC", "Pacific/Niue"), strict=True):
        sub.timezone = zone
        sub.save()
        with clock.at(datetime(2026, 10, 31, 12, tzinfo=UTC)):
            post(open_wallet(account=sub), "credit", "20")
    client = client_of(agency)

    with clock.at(NOON):
        client.get("/api/v1/wallet")  # the key's first use is noted
        with CaptureQueriesContext(connection) as alone:
            client.get("/api/v1/statements/2026-11")
        with CaptureQueriesContext(connection) as all_of_them:
            body = client.get("/api/v1/statements/2026-11?include=sub_accounts").json()

    told = body["sub_accounts"]
    assert (body["account"], body["pots"]) == (str(agency.pk), [])
    assert [one["account"] for one in told] == [str(sub.pk) for sub in subs]
    # It was the 1st of November in Kiritimati, and the 31st of October elsewhere.
    assert [one["pots"][0]["moved"] for one in told] == [{"given": "20.000000"}, {}, {}]
    assert {one["pots"][0]["closing"] for one in told} == {"20.000000"}
    assert len(all_of_them) == len(alone) + 1
    refusal(client_of(subs[0]).get("/api/v1/statements/2026-11?include=sub_accounts"), 404)


@pytest.mark.parametrize(
    "month", ["2026-13", "2026-00", "202611", "november", "2026-11-01", "²026-1"]
)
def test_a_month_that_is_none_is_refused(wallet, month):
    error = refusal(client_of(wallet.account).get(f"/api/v1/statements/{month}"), 400)

    assert "is no month. Write it like 2026-11." in error["message"]


def test_a_month_to_come_is_refused(wallet):
    with clock.at(NOON):
        error = refusal(client_of(wallet.account).get("/api/v1/statements/2026-12"), 400)

    assert "December 2026 has not begun yet." in error["message"]


@pytest.mark.parametrize("path", [RECHARGES, RECEIPTS])
@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("from=2026-13-01", "from"),
        ("from=2026-11-21&to=2026-11-20", "to"),
        ("include=everybody", "include"),
        ("since=2026-11-01", "since"),
        ("cursor=abc", "cursor"),
    ],
)
def test_what_makes_no_sense_is_refused(wallet, path, query, field):
    error = refusal(client_of(wallet.account).get(f"{path}?{query}"), 400)

    assert list(error["fields"]) == [field]
