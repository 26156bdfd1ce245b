"""GET wallet, its entries, and rates."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts import clock
from accounts.tests.builders import close, make_agency, make_individual, make_sub_account
from wallets.balances import ledger
from wallets.models import LedgerEntry, Wallet
from wallets.prices.rates import set_rate
from wallets.tests.worlds.api_clients import client_of, refusal
from wallets.tests.worlds.builders import fill, make_wallet, place_hold, set_auto_recharge
from wallets.tests.worlds.histories import allocate

pytestmark = pytest.mark.django_db

WALLET, ENTRIES, RATES = "/api/v1/wallet", "/api/v1/wallet/entries", "/api/v1/rates"
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def test_a_wallet_tells_its_balances_and_what_they_are_worth():
    wallet = make_wallet(credit="8.20", premium=7200, basic=61, included=0)

    body = client_of(wallet.account, "read").get(WALLET).json()

    assert body == {
        "account": str(wallet.account_id),
        "credit": "8.200000",
        "currency": "USD",
        "premium_seconds": 7200,
        "basic_seconds": 61,
        "included_seconds": 0,
        "credit_minutes": {"premium": 51, "basic": 91},
        "payable_seconds": {"premium": 10_275, "basic": 5_527},
        "held": {
            "calls": 0,
            "credit": "0.000000",
            "premium_seconds": 0,
            "basic_seconds": 0,
            "included_seconds": 0,
        },
        "rates": {"premium": "0.160000", "basic": "0.090000"},
        "status": "low",
        "auto_recharge": "off",
        "blocked": False,
    }


def test_what_running_calls_hold_is_told_and_pays_no_other_call():
    wallet = make_wallet(credit="1", premium=100)
    with clock.at(NOON):
        place_hold(wallet, call="a", seconds=160)
        place_hold(wallet, call="b", seconds=40, minute_type="basic")

        body = client_of(wallet.account).get(WALLET).json()

    assert body["held"] == {
        "calls": 2,
        "credit": "0.220000",
        "premium_seconds": 100,
        "basic_seconds": 0,
        "included_seconds": 0,
    }
    assert (body["credit"], body["premium_seconds"]) == ("1.000000", 100)
    assert body["payable_seconds"] == {"premium": 292, "basic": 520}
    with clock.at(NOON + timedelta(hours=1)):
        assert client_of(wallet.account).get(WALLET).json()["held"]["calls"] == 0


@pytest.mark.parametrize(
    ("credit", "status", "minutes"), [("-1.92", "negative", 0), ("10", "healthy", 62)]
)
def test_the_balance_has_a_status(credit, status, minutes):
    wallet = make_wallet(credit=credit)

    body = client_of(wallet.account).get(WALLET).json()

    assert body["credit"] == f"{Decimal(credit):.6f}"
    assert (body["status"], body["credit_minutes"]["premium"]) == (status, minutes)


@pytest.mark.parametrize(
    ("settings", "status"),
    [
        ({}, "on"),
        ({"suspended_at": NOON, "suspended_reason": "payment_failed"}, "suspended"),
        ({"not_before": NOON + timedelta(hours=1), "hold_reason": "declined"}, "waiting"),
        ({"not_before": NOON + timedelta(seconds=60), "hold_reason": "cooldown"}, "on"),
        ({"not_before": NOON - timedelta(hours=1), "hold_reason": "declined"}, "on"),
    ],
)
def test_auto_recharge_has_a_status(settings, status):
    wallet = make_wallet(credit="50")
    set_auto_recharge(wallet, **settings)

    with clock.at(NOON):
        body = client_of(wallet.account).get(WALLET).json()

    assert body["auto_recharge"] == status


def test_a_blocked_wallet_says_so():
    wallet = make_wallet()
    set_auto_recharge(wallet)
    Wallet.objects.filter(pk=wallet.pk).update(blocked_at=NOON, blocked_reason="support")

    body = client_of(wallet.account).get(WALLET).json()

    assert (body["blocked"], body["auto_recharge"]) == (True, "blocked")


def test_an_account_whose_wallet_was_never_used_has_an_empty_one_and_reading_opens_none():
    account = make_individual()

    body = client_of(account).get(WALLET).json()

    assert (body["credit"], body["premium_seconds"], body["auto_recharge"]) == (
        "0.000000",
        0,
        "off",
    )
    assert Wallet.objects.count() == 0


@pytest.mark.parametrize(
    "path", [WALLET, ENTRIES, RATES, "/api/v1/wallet/auto-recharge", "/api/v1/sub-accounts"]
)
def test_reading_never_writes(path):
    agency = make_agency()
    sub = make_sub_account(agency=agency)
    fill(make_wallet(account=agency), credit="5")
    client = client_of(agency)

    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert client.get(path).status_code == 200
        if path != RATES and "sub-accounts" not in path:
            assert client.get(path, {"account": str(sub.pk)}).status_code == 200

    written = [q["sql"] for q in queries if not q["sql"].startswith(("SELECT", "SET LOCAL"))]
    # A key notes, every five minutes, that it is used, and the audit hears before that who asks.
    assert all(sql.startswith('UPDATE "accounts_apikey"') for sql in written)


def test_entries_are_every_movement_newest_first():
    wallet = make_wallet(credit="10", basic=600)
    ledger.post(
        movements=[
            ledger.Movement(wallet.pk, "credit", Decimal("-0.218667"), "calls", "calls:1"),
            ledger.Movement(wallet.pk, "basic", -90, "calls", "calls:1"),
        ]
    )

    body = client_of(wallet.account).get(ENTRIES).json()

    assert body["next"] is None
    shown = [
        (row["kind"], row["pot"], row["amount"], row["unit"], row["balance_after"])
        for row in body["results"]
    ]
    assert shown == [
        ("calls", "basic", "-90", "seconds", "510"),
        ("calls", "credit", "-0.218667", "USD", "9.781333"),
        ("adjustment", "basic", "600", "seconds", "600"),
        ("adjustment", "credit", "10.000000", "USD", "10.000000"),
    ]
    assert body["results"][0]["description"] == "Calls, Basic minutes"
    assert sorted(body["results"][0]) == [
        "amount",
        "balance_after",
        "created_at",
        "description",
        "id",
        "kind",
        "note",
        "occurred_at",
        "pot",
        "purchase",
        "unit",
    ]


def test_the_next_link_leads_through_all_entries_with_the_same_filters():
    wallet = make_wallet(premium=60)
    for amount in range(1, 8):
        fill(wallet, credit=str(amount))
    client = client_of(wallet.account)
    url, amounts = f"{ENTRIES}?limit=3&pot=credit", []
    while url:
        page = client.get(url).json()
        amounts += [row["amount"] for row in page["results"]]
        url = page["next"]

    assert amounts == [f"{amount}.000000" for amount in range(7, 0, -1)]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"kind": "calls"}, ["-1.000000"]),
        ({"kind": ["calls", "adjustment"]}, ["-1.000000", "60", "5.000000"]),
        ({"pot": "premium"}, ["60"]),
        ({"pot": ["premium", "basic"]}, ["60"]),
        ({"kind": "calls", "pot": "basic"}, []),
        ({"from": "2026-11-21"}, ["-1.000000"]),
        ({"to": "2026-11-20"}, ["60", "5.000000"]),
        ({"from": "2026-11-21T12:00:00Z"}, ["-1.000000"]),
        ({"to": "2026-11-21T12:00:00Z"}, ["60", "5.000000"]),
        ({"from": "2026-11-21T14:00:01+02:00"}, []),
        ({"limit": "1"}, ["-1.000000"]),
    ],
)
def test_entries_can_be_filtered(query, found):
    with clock.at(NOON):
        wallet = make_wallet(credit="5", premium=60)
    with clock.at(NOON + timedelta(days=1)):
        ledger.post(
            movements=[ledger.Movement(wallet.pk, "credit", Decimal(-1), "calls", "calls:1")]
        )

    body = client_of(wallet.account).get(ENTRIES, query).json()

    assert [row["amount"] for row in body["results"]] == found


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("expand=purchase", "expand"),
        ("order=amount", "order"),
        ("kind=gift", "kind.0"),
        ("kind=", "kind.0"),
        ("pot=gold", "pot.0"),
        ("from=yesterday", "from"),
        ("from=2026-02-30", "from"),
        ("from=20261122", "from"),
        ("from=2026-11-21&to=2026-11-20", "to"),
        ("from=2026-11-21T12:00:00Z&to=2026-11-21T12:00:00Z", "to"),
        ("to=2026-11-22T09:14:00", "to"),
        ("to=2026-11-22&to=2026-11-23", "to"),
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=-1", "limit"),
        ("limit=%D9%A3", "limit"),
        ("limit=1e2", "limit"),
        ("cursor=abc", "cursor"),
        ("cursor=%00", "cursor"),
        ("cursor=" + "A" * 5000, "cursor"),
        ("account=1", "account"),
        ("account=%27%20OR%201=1", "account"),
    ],
)
def test_a_query_that_is_not_understood_is_refused(query, field):
    wallet = make_wallet(credit="5")

    error = refusal(client_of(wallet.account).get(f"{ENTRIES}?{query}"), 400)

    assert list(error["fields"]) == [field]


@pytest.mark.parametrize("path", [WALLET, RATES, "/api/v1/wallet/auto-recharge"])
def test_unknown_parameters_are_refused_everywhere(path):
    error = refusal(client_of(make_individual()).get(f"{path}?expand=all"), 400)

    assert error["fields"] == {"expand": "Unknown field."}


def test_an_agencys_key_reads_its_sub_accounts_and_nobody_elses():
    agency = make_agency()
    mine, other = make_sub_account(agency=agency), make_sub_account(agency=make_agency())
    make_wallet(account=mine, credit="7")
    client = client_of(agency)

    assert client.get(WALLET, {"account": str(mine.pk)}).json()["credit"] == "7.000000"
    for path in (WALLET, ENTRIES, "/api/v1/wallet/auto-recharge"):
        refusal(client.get(path, {"account": str(other.pk)}), 404)
        refusal(client_of(mine).get(path, {"account": str(agency.pk)}), 404)
        refusal(client_of(mine).get(path, {"account": str(other.pk)}), 404)


def test_a_platform_key_must_say_which_account():
    wallet = make_wallet(credit="7")
    client = client_of(None)

    refusal(client.get(WALLET), 400)
    body = client.get(WALLET, {"account": str(wallet.account_id)}).json()
    assert body["credit"] == "7.000000"


def test_without_a_key_or_its_scope_nothing_is_shown(client):
    account = make_individual()
    for path in (WALLET, ENTRIES, RATES):
        refusal(client.get(path), 401)
        refusal(client_of(account, "calls").get(path), 403)


def test_a_closed_account_can_still_be_read():
    wallet = make_wallet(credit="7")
    close(wallet.account)

    assert client_of(wallet.account).get(WALLET).status_code == 200


def test_a_sub_account_does_not_learn_its_agencys_purchase():
    sub = make_wallet(account=make_sub_account(agency=make_agency("Brightline Agency")))
    allocate(sub)

    [row] = client_of(sub.account).get(ENTRIES).json()["results"]

    assert row["description"] == "500 Basic minutes from Brightline Agency"
    assert row["purchase"] is None
    assert LedgerEntry.objects.get().purchase is not None


def test_rates_are_those_in_force_and_every_one_there_was_or_will_be():
    later = clock.now() + timedelta(days=30)
    set_rate(minute_type="basic", price=Decimal("0.0875"), effective_from=later, actor=None)

    body = client_of(None, "read").get(RATES).json()

    assert body["currency"] == "USD"
    assert body["now"] == {"premium": "0.160000", "basic": "0.090000"}
    assert [(rate["minute_type"], rate["price"]) for rate in body["history"]] == [
        ("basic", "0.087500"),
        ("premium", "0.160000"),
        ("basic", "0.090000"),
    ]
