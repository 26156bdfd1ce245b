"""The list of wallets: what it says of each, and that its filters find exactly theirs."""

from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts import clock
from accounts.tests.builders import make_agency, make_individual, make_sub_account
from campaigns.tests.builders import make_campaign
from tests.databases import as_owner
from thinkrr_billing.staff.tests.phone import staff_client, url
from wallets.models import AutoRecharge, Wallet
from wallets.tests.worlds.builders import make_wallet, set_auto_recharge
from wallets.tests.worlds.histories import allocate, buy

pytestmark = pytest.mark.django_db

LIST = url("wallets.wallet", "changelist")
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
STATES = ("on", "off", "suspended", "suspended while off")
SUSPENDED = {"suspended_at": NOW, "suspended_reason": "payment_failed"}


@pytest.fixture
def named() -> dict[str, Wallet]:
    """One wallet of each state of Auto-Recharge and of campaigns."""
    states = {name: make_wallet(account=make_individual(name)) for name in STATES}
    set_auto_recharge(states["on"], threshold=25, amount=75)
    set_auto_recharge(states["suspended"], **SUSPENDED)
    AutoRecharge.objects.filter(wallet=states["suspended while off"]).update(**SUSPENDED)
    make_campaign(states["on"].account, status="low_balance")
    make_campaign(states["on"].account, status="low_balance")
    make_campaign(states["suspended"].account, status="low_balance")
    make_campaign(states["off"].account, status="manual")
    make_campaign(states["off"].account, status="started")
    return states


def shown(**query: str) -> dict[str, Wallet]:
    rows = staff_client().get(LIST, query).context["cl"].result_list
    found = {row.account.name: row for row in rows}
    assert len(found) == len(rows)
    return found


@pytest.mark.usefixtures("named")
@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ({}, set(STATES)),
        ({"automatic": "on"}, {"on"}),
        ({"automatic": "off"}, {"off"}),
        ({"automatic": "suspended"}, {"suspended", "suspended while off"}),
        ({"automatic": "x"}, set(STATES)),
        ({"campaigns": "low_balance"}, {"on", "suspended"}),
        ({"campaigns": "x"}, set(STATES)),
        ({"campaigns": "low_balance", "automatic": "suspended"}, {"suspended"}),
        ({"campaigns": "low_balance", "automatic": "off"}, set()),
    ],
)
def test_each_filter_shows_exactly_its_wallets_on_the_page_and_as_csv(query, wanted):
    lines = staff_client().get(url("wallets.wallet", "export"), query).streaming_content

    assert set(shown(**query)) == wanted
    assert b"".join(lines).count(b"\r\n") == 1 + len(wanted)


def test_the_list_says_threshold_state_and_last_recharge(named):
    older, newer = NOW, datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
    buy(named["on"], purpose="auto_recharge", created_at=newer)
    buy(named["on"], created_at=older)
    buy(named["on"], state="declined", created_at=clock.now())
    Wallet.objects.filter(pk=named["off"].pk).update(blocked_at=NOW, blocked_reason="disputed")
    page = url("wallets.wallet", "export")

    lines = b"".join(staff_client().get(page).streaming_content).decode().splitlines()

    said = {line.split(",")[0]: line.split(",") for line in lines}
    columns = {name: place for place, name in enumerate(said["account"])}

    def of(name: str, *wanted: str) -> tuple[str, ...]:
        return tuple(said[name][columns[one]] for one in wanted)

    state = ("threshold", "Auto-Recharge", "last recharge", "status")
    assert of("on", *state) == ("$25.00", "On: $75.00", newer.isoformat(), "Active")
    assert of("off", *state) == ("$10.00", "Off", "", "Blocked: a payment was disputed")
    for name in ("suspended", "suspended while off"):
        assert of(name, "Auto-Recharge") == ("Suspended: payment failed",)
    row = staff_client().get(LIST, {"automatic": "on"}).content.decode()
    assert all(text in row for text in ("$25.00", "On: $75.00", "21 Nov 2026"))


def test_an_allocation_is_no_recharge_of_the_wallet_it_fills():
    agency = make_agency()
    make_wallet(account=agency)
    sub = make_wallet(account=make_sub_account(agency=agency, name="Sub"))
    allocate(sub)

    assert shown()["Sub"].recharged_at is None


@pytest.mark.usefixtures("named")
def test_the_list_asks_as_often_however_many_wallets_and_counts_no_table():
    client, asked = staff_client(), []
    client.get(LIST)
    for _ in range(2):
        with CaptureQueriesContext(connection) as statements:
            assert client.get(LIST, {"campaigns": "low_balance"}).status_code == 200
        asked.append([one["sql"] for one in statements.captured_queries])
        for _ in range(5):
            buy(more := make_wallet(account=make_individual()))
            make_campaign(more.account, status="low_balance")

    assert len(asked[0]) == len(asked[1])
    counts = [sql for sql in asked[1] if "COUNT(" in sql]
    assert counts
    assert all("LIMIT 1001" in sql and "wallets_purchase" not in sql for sql in counts)


# Plans mean something among many rows only: one wallet in a hundred is what filters look for.
CROWD = """
SET LOCAL session_replication_role = replica;
INSERT INTO accounts_account (id, kind, name, status, timezone, billing_name, billing_address,
    tax_id, included_minutes, included_anchor_day, created_at)
SELECT md5(g::text)::uuid, 'individual', 'Crowd', 'active', 'UTC', '', '', '', 0, 1, now()
FROM generate_series(1000, 6000) g;
INSERT INTO wallets_wallet (id, currency, credit, premium_seconds, basic_seconds,
    included_seconds, default_payment_method, blocked_reason, account_id)
SELECT g, 'USD', 0, 0, 0, 0, '', '', md5(g::text)::uuid FROM generate_series(1000, 6000) g;
INSERT INTO wallets_autorecharge (enabled, currency, threshold, amount, payment_method,
    resume_campaigns, consecutive_declines, hold_reason, low_armed, suspended_at,
    suspended_reason, failed_fingerprint, updated_at, wallet_id)
SELECT g % 100 = 0, 'USD', 10, 50, '', true, 0, '', true, CASE WHEN g % 100 = 1 THEN now() END,
    CASE WHEN g % 100 = 1 THEN 'support' ELSE '' END, '', now(), g
FROM generate_series(1000, 6000) g;
INSERT INTO campaigns_campaign (external_id, name, minute_type, status, pause_reason, paused_at,
    created_at, updated_at, account_id)
SELECT 'camp-' || g, 'Campaign', 'basic', CASE WHEN g % 100 = 2 THEN 'paused' ELSE 'started' END,
    CASE WHEN g % 100 = 2 THEN 'low_balance' ELSE '' END, CASE WHEN g % 100 = 2 THEN now() END,
    now(), now(), md5(g::text)::uuid
FROM generate_series(1000, 6000) g;
INSERT INTO wallets_purchase (id, purpose, amount_cents, buys, premium_minutes, basic_minutes,
    payment_method, card, card_fingerprint, state, payment_intent, attempts, decline_code,
    error_text, quarantine_reason, created_at, closed_at, payer_id, wallet_id)
SELECT md5('purchase ' || g)::uuid, 'recharge', 2000, 'credit', 0, 0, '', '', '', 'succeeded',
    'pi_' || g, 1, '', '', '', now(), now(), md5(g::text)::uuid, g
FROM generate_series(1000, 6000) g;
SET LOCAL session_replication_role = origin;
ANALYZE accounts_account, wallets_wallet, wallets_autorecharge, campaigns_campaign,
    wallets_purchase;
"""


def plan_of(sql: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {sql}")
        return "\n".join(line for (line,) in cursor.fetchall())


def test_each_filter_and_the_last_recharge_go_by_an_index_among_many_wallets():
    with as_owner(), connection.cursor() as cursor:
        cursor.execute(CROWD)
    client = staff_client()
    for query, index in (
        ({}, "wallets_wallet_pkey"),
        ({"automatic": "on"}, "recharges_by_switch"),
        ({"automatic": "off"}, "wallets_wallet_pkey"),
        ({"automatic": "suspended"}, "recharges_suspended"),
        ({"campaigns": "low_balance"}, "campaigns_out_of_balance"),
    ):
        with CaptureQueriesContext(connection) as asked:
            client.get(LIST, query)

        [rows] = [one["sql"] for one in asked.captured_queries if '"recharged_at"' in one["sql"]]
        plan = plan_of(rows)
        assert index in plan, f"{query}\n{plan}"
        assert "purchases_of_wallet" in plan, f"{query}\n{plan}"
        if "wallets_wallet_pkey" not in index:
            assert "Seq Scan on wallets_autorecharge" not in plan, f"{query}\n{plan}"
            assert "Seq Scan on campaigns_campaign" not in plan, f"{query}\n{plan}"
