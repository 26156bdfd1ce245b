"""Metering: batches of calls over many wallets, against SQL that writes the same rows.

The limit is one set-based statement that makes up its calls inside PostgreSQL: no client, no
lookups, no rules. Ours reads, decides and writes. Both run in turns on the same tables.
"""

import json
import logging
import random
import time
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from statistics import median

from django.db import connection, transaction
from django.test import Client

from accounts import clock
from accounts.models import Account
from accounts.people import api_keys
from accounts.runtime.ids import time_ordered_uuid
from campaigns import calls
from campaigns.models import Campaign
from campaigns.reports import Report
from wallets.balances import ledger
from wallets.books import checking
from wallets.models import Wallet

WALLETS = 10_000
BATCH = 1_000
BATCHES_PER_ROUND = 10
ROUNDS = 5

LIMIT = """
WITH new AS MATERIALIZED (
    SELECT 'limit-' || %(batch)s || '-' || g AS external_id,
           1 + floor(random() * %(wallets)s)::int AS n, 10 + floor(random() * 300)::int AS seconds
    FROM generate_series(1, %(size)s) g),
placed AS MATERIALIZED (SELECT new.*, b.* FROM new JOIN bench_wallet b ON b.number = new.n),
locked AS MATERIALIZED (
    SELECT w.id, w.credit, w.premium_seconds FROM wallets_wallet w
    WHERE w.id IN (SELECT wallet_id FROM placed) ORDER BY w.id FOR NO KEY UPDATE),
taken AS MATERIALIZED (
    SELECT p.*, CASE WHEN l.premium_seconds > 0 THEN p.seconds ELSE 0 END AS premium,
           CASE WHEN l.premium_seconds > 0 THEN 0 ELSE round(p.seconds * 0.16 / 60, 6) END AS cost
    FROM placed p JOIN locked l ON l.id = p.wallet_id),
moved AS MATERIALIZED (
    SELECT wallet_id, sum(premium) AS premium, sum(cost) AS cost FROM taken GROUP BY wallet_id),
written AS (
    INSERT INTO campaigns_call
        (reporter, external_id, account_id, campaign_id, minute_type_sent, minute_type, seconds,
         ended_at, outcome, included_seconds, premium_seconds, basic_seconds, cost, batch,
         created_at)
    SELECT '00000000-0000-0000-0000-000000000000', external_id, account_id, campaign_id, '',
           'premium', seconds, %(now)s, 'completed', 0, premium, 0, cost, %(batch)s, %(now)s
    FROM taken)
INSERT INTO wallets_ledgerentry
    (wallet_id, pot, amount, balance_after, kind, key, note, occurred_at, created_at)
SELECT m.wallet_id, CASE WHEN m.premium > 0 THEN 'premium' ELSE 'credit' END,
       CASE WHEN m.premium > 0 THEN -m.premium ELSE -m.cost END,
       CASE WHEN m.premium > 0 THEN l.premium_seconds - m.premium ELSE l.credit - m.cost END,
       'calls', 'calls:' || %(batch)s, '', %(now)s, %(now)s
FROM moved m JOIN locked l ON l.id = m.wallet_id
"""

NUMBERED = """
CREATE TEMPORARY TABLE bench_wallet AS
SELECT row_number() OVER (ORDER BY w.id) AS number, w.id AS wallet_id, w.account_id,
       c.id AS campaign_id
FROM wallets_wallet w JOIN campaigns_campaign c ON c.account_id = w.account_id;
CREATE UNIQUE INDEX ON bench_wallet (number);
"""


def run() -> None:
    """Print calls a second of each way, and how near ours come to the limit."""
    logging.disable(logging.WARNING)
    print(f"Preparing {WALLETS:,} wallets …")
    accounts = _prepare()
    api = _api()
    ways: dict[str, Callable[[], None]] = {
        "limit: one SQL statement": _limit_batch,
        "calls.record": lambda: _record_batch(accounts),
        "POST /api/v1/calls, no network": lambda: _api_batch(api, accounts),
    }
    speeds: dict[str, list[float]] = {name: [] for name in ways}
    for batch in ways.values():
        batch()
    for _ in range(ROUNDS):
        for name, batch in ways.items():
            speeds[name].append(_calls_a_second(batch))
    _print(speeds)
    broken = checking.check_all()
    print(f"Books: {'in order' if not broken else broken[:5]}")


def _prepare() -> list[str]:
    """Accounts with a started campaign each; every other wallet has minutes, the rest credit."""
    accounts = Account.objects.bulk_create(
        Account(kind="individual", name=f"Bench {i}", timezone="UTC") for i in range(WALLETS)
    )
    wallets = Wallet.objects.bulk_create(Wallet(account=account) for account in accounts)
    Campaign.objects.bulk_create(
        Campaign(
            account=account,
            external_id="bench",
            name="Bench",
            minute_type="premium",
            status=Campaign.Status.STARTED,
        )
        for account in accounts
    )
    ledger.post(
        movements=[
            ledger.Movement(
                wallet_id=wallet.pk,
                pot="premium" if i % 2 else "credit",
                amount=10_000_000 if i % 2 else Decimal(100_000),
                kind="adjustment",
                key="adjustment:bench",
            )
            for i, wallet in enumerate(wallets)
        ]
    )
    with connection.cursor() as cursor:
        cursor.execute(NUMBERED)
        cursor.execute("ANALYZE")
    return [str(account.pk) for account in accounts]


def _api() -> Client:
    _, token = api_keys.create(account=None, name="Bench", scopes=["calls"])
    return Client(headers={"Authorization": f"Bearer {token}"})


def _limit_batch() -> None:
    values = {
        "batch": str(time_ordered_uuid()),
        "wallets": WALLETS,
        "size": BATCH,
        "now": clock.now(),
    }
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(LIMIT, values)


def _facts(accounts: list[str]) -> list[dict]:
    batch, ended_at = time_ordered_uuid(), clock.now() - timedelta(seconds=5)
    return [
        {
            "id": f"{batch}-{i}",
            "account": random.choice(accounts),
            "campaign": "bench",
            "seconds": random.randint(10, 309),
            "ended_at": ended_at,
        }
        for i in range(BATCH)
    ]


def _record_batch(accounts: list[str]) -> None:
    reports = [Report(**facts) for facts in _facts(accounts)]
    results = calls.record(reports=reports, reporter=None)
    _insist(all(result.status == "charged" for result in results))


def _api_batch(api: Client, accounts: list[str]) -> None:
    body = json.dumps(
        {"calls": [{**one, "ended_at": one["ended_at"].isoformat()} for one in _facts(accounts)]}
    )
    response = api.post("/api/v1/calls", body, content_type="application/json")
    _insist(response.status_code == 200)


def _insist(fine: bool) -> None:
    if not fine:
        raise RuntimeError("A batch was not charged: the figures would mean nothing.")


def _calls_a_second(batch: Callable[[], None]) -> float:
    started = time.perf_counter()
    for _ in range(BATCHES_PER_ROUND):
        batch()
    return BATCH * BATCHES_PER_ROUND / (time.perf_counter() - started)


def _print(speeds: dict[str, list[float]]) -> None:
    limit = median(next(iter(speeds.values())))
    print(f"Batches of {BATCH:,} calls over {WALLETS:,} wallets, median of {ROUNDS} rounds")
    print(f"{'':34}{'calls/s':>10}{'ratio':>8}")
    for name, measured in speeds.items():
        print(f"{name:34}{median(measured):>10,.0f}{median(measured) / limit:>8.2f}")
