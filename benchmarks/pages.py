"""Pages: server time of each page of an agency with a year of calls, recharges and sub-accounts.

Asked through Django's test client: middleware, view, queries and template, without a network.
"""

import os
import time
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from statistics import median

from django.db import connection, reset_queries
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts import clock
from accounts.models import Account, Notification, User
from accounts.people import opening
from campaigns import calls
from campaigns.models import Campaign
from campaigns.reports import Report
from wallets.balances import ledger
from wallets.balances.opening import open_wallet
from wallets.models import AllocationRun, AutoAllocation, AutoRecharge, Wallet
from wallets.months import due_date

DAYS = 365
BATCHES_A_DAY = 4
CALLS_A_BATCH = 30
CAMPAIGNS = 20
SUB_ACCOUNTS = 200
NOTIFICATIONS = 500
ROUNDS = 30
MOST_MS = 60  # The most a page may take.
BUSY = """
INSERT INTO wallets_ledgerentry
  (wallet_id, pot, amount, balance_after, kind, key, note, occurred_at, created_at)
SELECT %s, 'credit', CASE WHEN step %% 400 = 0 THEN 99.75 ELSE -0.25 END, 100,
  CASE WHEN step %% 400 = 0 THEN 'adjustment' ELSE 'calls' END, 'busy:' || step, '',
  now() - step * interval '2 minutes', now() - step * interval '2 minutes'
FROM generate_series(1, 262800) step
"""
PAGES = {
    "Payments": "/payments/",
    "Payments, 90 days": "/payments/?days=90",
    "Configure": "/payments/auto-recharge/",
    "Configure, preview": "/payments/auto-recharge/preview/?enabled=on&threshold=20&amount=50",
    "Recharge": "/payments/recharge/",
    "Transactions": "/payments/transactions/",
    "Transactions, calls": "/payments/transactions/?type=calls",
    "Account Manager": "/account-manager/",
    "Account Manager, search": "/account-manager/?search=19&sort=-balance",
    "Account Manager, failed": "/account-manager/?status=payment_failed",
    "Sub-account": "/account-manager/{sub_account}/",
    "Manage auto allocation": "/account-manager/{sub_account}/auto-allocation/",
    "Campaigns": "/campaigns/",
    "Campaigns, paused": "/campaigns/?show=paused",
    "Campaign": "/campaigns/{campaign}/",
    "Resume": "/campaigns/resume/",
    "Banner": "/banner/",
    "Notifications": "/notifications/",
    "Settings": "/settings/",
}


def run() -> None:
    print(f"\nPages of an agency with {DAYS} days of data (building it takes a minute or two)")
    agency = _agency()
    _sub_accounts(agency)
    campaigns = _a_year_of_calls(agency)
    _pause_half(campaigns)
    _a_busy_ledger(agency)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    client = Client(headers={"host": "testserver"})
    client.force_login(User.objects.get(memberships__account=agency))
    ids = {
        "sub_account": agency.sub_accounts.get(name="Sub-account 0").pk,
        "campaign": campaigns[0].pk,
    }
    print(f"load of the machine before: {os.getloadavg()[0]:.1f} of {os.cpu_count()} cores")
    print(f"{'page':26} {'median':>9} {'fastest':>9} {'processor':>9} {'queries':>8} {'HTML':>8}")
    for name, path in PAGES.items():
        _measure(client, name, path.format(**ids))


def _measure(client: Client, name: str, path: str) -> None:
    reset_queries()
    with CaptureQueriesContext(connection) as captured:
        answer = client.get(path, secure=True)
    # The log is emptied by the next request.
    queries = len(captured)
    if answer.status_code not in (200, 204):
        raise RuntimeError(f"{path} answered {answer.status_code}.")
    times, own = [], []
    for _ in range(ROUNDS):
        began, began_own = time.perf_counter(), time.process_time()
        client.get(path, secure=True)
        times.append((time.perf_counter() - began) * 1000)
        own.append((time.process_time() - began_own) * 1000)
    over = f"  over {MOST_MS} ms" if min(times) > MOST_MS else ""
    print(
        f"{name:26} {median(times):6.1f} ms {min(times):6.1f} ms {min(own):6.1f} ms {queries:8} "
        f"{len(answer.content) / 1000:5.1f} KB{over}"
    )


def _agency() -> Account:
    owner = User.objects.create_user("bench@example.com")
    agency = opening.open_agency(name="A year of calls", owner=owner, timezone="America/New_York")
    wallet = open_wallet(account=agency)
    AutoRecharge.objects.filter(wallet=wallet).update(enabled=True)
    Notification.objects.bulk_create(
        Notification(account=agency, kind="bench", title=f"{number}", text="One more thing.")
        for number in range(NOTIFICATIONS)
    )
    return agency


def _sub_accounts(agency: Account) -> None:
    accounts = Account.objects.bulk_create(
        Account(kind="sub_account", agency=agency, name=f"Sub-account {number}", timezone="UTC")
        for number in range(SUB_ACCOUNTS)
    )
    wallets = Wallet.objects.bulk_create(Wallet(account=account) for account in accounts)
    AutoRecharge.objects.bulk_create(AutoRecharge(wallet=wallet) for wallet in wallets)
    allocated = AutoAllocation.objects.bulk_create(
        AutoAllocation(
            account=account,
            agency=agency,
            basic_minutes=500,
            premium_minutes=100,
            payment_method="pm_bench",
            anchor_date=clock.now().date() - timedelta(days=DAYS),
            active=True,
        )
        for account in accounts
    )
    AllocationRun.objects.bulk_create(
        run for number, one in enumerate(allocated) for run in _a_year_of_months(one, number)
    )
    _a_year_of_charges(wallets[0])


def _a_year_of_months(allocation: AutoAllocation, number: int) -> Iterator[AllocationRun]:
    """Every month is paid; the latest of every tenth sub-account is still tried again."""
    for month in range(13):
        retried = month == 12 and number % 10 == 0
        yield AllocationRun(
            allocation=allocation,
            period=due_date(allocation.anchor_date, month),
            basic_minutes=500,
            premium_minutes=100,
            basic_rate="0.09",
            premium_rate="0.16",
            amount_cents=6_100,
            charged_cents=None if retried else 6_100,
            state="due" if retried else "paid",
            attempts=int(retried),
            next_attempt_at=clock.now() + timedelta(hours=1) if retried else None,
        )


def _a_year_of_charges(wallet: Wallet) -> None:
    """What a sub-account's calls took, in as many entries as the agency's."""
    begin = clock.now() - timedelta(days=DAYS)
    for step in range(DAYS * BATCHES_A_DAY):
        with clock.at(begin + timedelta(hours=step * 24 / BATCHES_A_DAY)):
            movement = ledger.Movement(
                wallet_id=wallet.pk,
                pot="credit",
                amount=Decimal("-1.50"),
                kind="calls",
                key=f"bench-{step}",
            )
            ledger.post(movements=[movement])


def _pause_half(campaigns: list[Campaign]) -> None:
    """After the calls, which only started ones make."""
    paused = [one.pk for one in campaigns[::2]]
    Campaign.objects.filter(pk__in=paused).update(
        status="paused", pause_reason="low_balance", paused_at=clock.now()
    )


def _a_year_of_calls(agency: Account) -> list[Campaign]:
    campaigns = Campaign.objects.bulk_create(
        Campaign(
            account=agency,
            external_id=f"bench-{number}",
            name=f"Campaign {number}",
            minute_type=("premium", "basic")[number % 2],
            status="started",
        )
        for number in range(CAMPAIGNS)
    )
    begin = clock.now() - timedelta(days=DAYS)
    for step in range(DAYS * BATCHES_A_DAY):
        with clock.at(begin + timedelta(hours=step * 24 / BATCHES_A_DAY)):
            if step % (BATCHES_A_DAY * 3) == 0:
                _top_up(agency.wallet.pk, step)
            calls.record(reports=_batch(agency, campaigns, step), reporter=None)
    return campaigns


def _top_up(wallet_id: int, step: int) -> None:
    movement = ledger.Movement(
        wallet_id=wallet_id,
        pot="credit",
        amount=Decimal(150),
        kind="adjustment",
        key=f"bench-{step}",
    )
    ledger.post(movements=[movement])


def _a_busy_ledger(agency: Account) -> None:
    """An entry every two minutes for the year, as of calls reported one by one."""
    with connection.cursor() as cursor:
        # Written past the triggers that keep running balances: nobody checks these books.
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(BUSY, [agency.wallet.pk])
        cursor.execute("SET session_replication_role = origin")


def _batch(agency: Account, campaigns: list[Campaign], step: int) -> list[Report]:
    return [
        Report(
            id=f"bench-{step}-{number}",
            account=str(agency.pk),
            seconds=20 + (step * 7 + number * 13) % 60,
            campaign=campaigns[(step + number) % CAMPAIGNS].external_id,
            minute_type=None,
            ended_at=clock.now() - timedelta(seconds=number + 1),
            outcome="completed",
        )
        for number in range(CALLS_A_BATCH)
    ]
