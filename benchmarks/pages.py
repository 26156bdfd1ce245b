"""Pages: server time of each page of every role with a year of data, and what each weighs.

Asked through Django's test client: middleware, view, queries and template, without a network.
"""

import os
import time
from statistics import median

from django.db import connection, reset_queries
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts import clock
from accounts.models import Account, User
from benchmarks import page_rows
from benchmarks.sides.measuring import processor_seconds
from wallets.models import LedgerEntry

ROUNDS = 15
# The most a page may take of the processor, and weigh without its files.
MOST_MS, MOST_KB = 60, 150
OWN = {
    "Payments": "/payments/",
    "Payments, 90 days": "/payments/?days=90",
    "Recharge": "/payments/recharge/",
    "Configure": "/payments/auto-recharge/",
    "Transactions": "/payments/transactions/",
    "Transactions, calls": "/payments/transactions/?type=calls",
    "Export": "/payments/export/",
    "Receipts": "/payments/receipts/",
    "Statements": "/payments/statements/",
    "Statement": "/payments/statements/{month}/",
    "Why": "/payments/why/",
    "Add a card": "/payments/methods/add/",
    "Help": "/help/",
    "Campaigns": "/campaigns/",
    "Campaign": "/campaigns/{campaign}/",
    "Resume": "/campaigns/resume/",
    "Usage": "/usage/",
    "Usage, a year": "/usage/?since={year_ago}",
    "Usage, a year by day": "/usage/?since={year_ago}&by=day",
    "Banner": "/banner/",
    "Notifications": "/notifications/",
    "Accounts": "/accounts/switch/",
    "Settings": "/settings/",
    "Members": "/settings/members/",
    "Billing": "/settings/billing/",
    "API keys": "/settings/api-keys/",
    "Alerts": "/settings/alerts/",
    "Profile": "/settings/profile/",
    "Security": "/settings/security/",
}
AGENCY = {
    "Configure, preview": "/payments/auto-recharge/preview/?enabled=on&threshold=20&amount=50",
    "Calls of an entry": "/payments/transactions/{debit}/calls/",
    "Receipt": "/payments/receipts/{receipt}/",
    "Payment": "/payments/purchases/{receipt}/",
    "Account Manager": "/account-manager/",
    "Account Manager, search": "/account-manager/?search=19&sort=-balance",
    "Account Manager, failed": "/account-manager/?status=payment_failed",
    "Account Manager, at risk": "/account-manager/?status=at_risk",
    "Account Manager, file": "/account-manager.csv",
    "Sub-account": "/account-manager/{sub_account}/",
    "Manage auto allocation": "/account-manager/{sub_account}/auto-allocation/",
    "Give minutes": "/account-manager/{sub_account}/give-minutes/",
    "Rename": "/account-manager/{sub_account}/rename/",
    "Archive": "/account-manager/{sub_account}/archive/",
    "Add a sub-account": "/account-manager/add/",
    "Campaigns, paused": "/campaigns/?show=paused",
    "Usage by campaign": "/usage/?by=campaign&since={year_ago}",
}
SUB_ACCOUNT = {"Ask the agency": "/payments/ask-agency/"}


def run() -> None:
    print(f"\nPages with {page_rows.DAYS} days of data (building it takes two or three minutes)")
    agency, sub_account, busy = page_rows.build()
    print(f"load of the machine before: {os.getloadavg()[0]:.1f} of {os.cpu_count()} cores")
    print(
        f"{'page':36} {'median':>9} {'Python':>9} {'PostgreSQL':>10} {'both':>9} queries     HTML"
    )
    below = {"sub_account": sub_account.pk, "receipt": agency.purchases.latest("closed_at").pk}
    _look(agency, "agency", {**OWN, **AGENCY}, below)
    _look(sub_account, "sub-account", {**OWN, **SUB_ACCOUNT}, {})
    _look(busy, "busy", OWN, {})


def _look(account: Account, who: str, pages: dict[str, str], more: dict[str, object]) -> None:
    client = Client(headers={"host": "testserver"})
    client.force_login(User.objects.get(memberships__account=account))
    today = account.local_date(clock.now())
    ids = {
        "campaign": account.campaigns.first().pk,
        "month": f"{today:%Y-%m}",
        "year_ago": today.replace(year=today.year - 1),
        "debit": _debit(account),
        **more,
    }
    for name, path in pages.items():
        _measure(client, f"{name} ({who})", path.format(**ids))


def _debit(account: Account) -> int | None:
    """The number of an entry that calls of today left."""
    rows = LedgerEntry.objects.filter(wallet__account=account, key__startswith="calls:")
    return rows.values_list("pk", flat=True).first()


def _measure(client: Client, name: str, path: str) -> None:
    reset_queries()
    with CaptureQueriesContext(connection) as captured:
        answer = client.get(path, secure=True)
    # The log is emptied by the next request.
    queries = len(captured)
    if answer.status_code not in (200, 204):
        raise RuntimeError(f"{path} answered {answer.status_code}.")
    weight = len(answer.getvalue()) / 1000
    times, own, servers = [], [], []
    for _ in range(ROUNDS):
        began, began_own, began_server = time.perf_counter(), time.process_time(), _of_server()
        client.get(path, secure=True).getvalue()
        times.append((time.perf_counter() - began) * 1000)
        own.append((time.process_time() - began_own) * 1000)
        servers.append((_of_server() - began_server) * 1000)
    work = min(own) + min(servers)
    over = f"  over {MOST_MS} ms" if work > MOST_MS else ""
    over += f"  over {MOST_KB} KB" if weight > MOST_KB else ""
    print(
        f"{name:36} {median(times):6.1f} ms {min(own):6.1f} ms {min(servers):7.1f} ms "
        f"{work:6.1f} ms {queries:8} {weight:6.1f} KB{over}",
        flush=True,
    )


def _of_server() -> float:
    """Seconds that PostgreSQL's backend of this connection has worked."""
    return processor_seconds(connection.connection.info.backend_pid)
