"""What a page costs: no more queries for more rows, and never over 150 KB to a browser."""

import gzip
import re
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest
from django.conf import settings
from django.contrib.sessions.models import Session
from django.contrib.staticfiles import finders
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts import clock, limits
from accounts.models import (
    Account,
    Invitation,
    Membership,
    Notification,
    OpenSession,
    Role,
    Scope,
    User,
)
from accounts.people import api_keys, members
from accounts.tests.builders import make_agency, make_sub_account, owner_of
from accounts.webhooks import endpoints, outbox
from accounts.webhooks.endpoints import Terms
from campaigns import calls
from campaigns.tests.builders import make_campaign, make_report
from wallets.balances import ledger
from wallets.models import AutoAllocation, AutoRecharge, Purchase, Wallet
from wallets.recharges import by_hand
from wallets.tests.worlds.builders import add_card, make_wallet, set_auto_recharge

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nudges"), pytest.mark.journey]

FEW, MANY = 10, 200
# The most a page may weigh: the page as it is, and its files as WhiteNoise compresses them.
MOST_BYTES = 150_000
ASSETS = ("ui/app.css", "ui/app.js", "ui/icons.svg", "ui/logo.svg", "django_htmx/htmx-2.min.js")
FONT = Path(settings.BASE_DIR, "static/ui/fonts/inter-latin.woff2")
# Nine of them are every page's: session, person, account, bell and banner. Where a transaction
# begins and ends is not counted: here all is one.
USUAL_QUERIES = 15
MOST_QUERIES = {
    "payments": 32,
    "recharge": 19,
    "configure": 26,
    "account manager": 20,
    "sub-account": 20,
    "allocation": 17,
    "give minutes": 16,
    "sub-accounts in need": 20,
    "campaigns": 19,
    "campaign": 20,
    "resume": 21,
}
PAGES = {
    "payments": "/payments/?days=90",
    "recharge": "/payments/recharge/",
    "configure": "/payments/auto-recharge/",
    "transactions": "/payments/transactions/",
    "export": "/payments/export/",
    "receipts": "/payments/receipts/",
    "statements": "/payments/statements/",
    "statement": "/payments/statements/{month}/",
    "paid": "/payments/purchases/{purchase}/",
    "receipt": "/payments/receipts/{purchase}/",
    "calls of a row": "/payments/transactions/{debit}/calls/",
    "account manager": "/account-manager/",
    "sub-account": "/account-manager/{dental}/",
    "allocation": "/account-manager/{dental}/auto-allocation/",
    "give minutes": "/account-manager/{dental}/give-minutes/",
    "sub-accounts in need": "/account-manager/?status=at_risk",
    "campaigns": "/campaigns/",
    "usage": "/usage/?by=account",
    "usage by campaign": "/usage/?by=campaign&since=2026-01-01",
    "campaign": "/campaigns/{campaign}/",
    "resume": "/campaigns/resume/",
    "banner": "/banner/",
    "notifications": "/notifications/",
    "accounts": "/accounts/switch/",
    "help": "/help/",
    "settings": "/settings/",
    "members": "/settings/members/",
    "billing": "/settings/billing/",
    "api keys": "/settings/api-keys/",
    "alerts": "/settings/alerts/",
    "webhooks": "/settings/webhooks/",
    "webhook": "/settings/webhooks/{webhook}/",
    "profile": "/settings/profile/",
    "security": "/settings/security/",
    "second factor": "/settings/security/second-factor/",
}


def grown(stripe, rows: int) -> tuple[Client, dict[str, object]]:
    """An agency with so many of everything, and its owner's browser."""
    agency = make_agency(f"Agency of {rows}")
    owner, wallet = owner_of(agency), make_wallet(account=agency, credit="500")
    card = add_card(stripe, wallet)
    set_auto_recharge(wallet, threshold=5, amount=50)
    paid = by_hand.recharge(
        wallet_id=wallet.pk,
        actor=owner,
        amount=Decimal(50),
        buys="premium",
        form_key=f"grown-{rows}",
    )
    campaigns = [
        make_campaign(agency, status=("started", "low_balance", "complete")[number % 3])
        for number in range(rows)
    ]
    fill_statement(agency, rows)
    open_sub_accounts(agency, card.id, rows)
    fill_lists(agency, owner, rows)
    reports = [make_report(agency, campaign=campaigns[0], seconds=61) for _ in range(rows)]
    calls.record(reports=reports, reporter=None)
    dental = make_sub_account(agency=agency)
    client = Client()
    client.force_login(owner)
    debit = wallet.entries.filter(kind="calls").values_list("pk", flat=True).first()
    return client, {
        "purchase": paid.pk,
        "dental": dental.pk,
        "campaign": campaigns[0].pk,
        "debit": debit,
        "month": f"{clock.now():%Y-%m}",
        "webhook": fill_webhook(agency, rows),
    }


def fill_webhook(agency: Account, rows: int) -> UUID:
    """An endpoint with a log, and as many beside it as there may be."""
    terms = Terms(url="https://example.com/hooks")
    most = min(rows, limits.WEBHOOKS_MOST)
    one, *_ = [endpoints.add(account=agency, terms=terms, actor=None) for _ in range(most)]
    for delivery in [outbox.write_test(endpoint=one) for _ in range(rows)]:
        delivery.tries.create(at=clock.now(), took_ms=9, status=200)
    return one.pk


def fill_statement(agency: Account, rows: int) -> None:
    ledger.post(
        movements=[
            ledger.Movement(
                wallet_id=agency.wallet.pk,
                pot="credit",
                amount=Decimal(1),
                kind="adjustment",
                key=f"row-{number}",
            )
            for number in range(rows)
        ]
    )


def open_sub_accounts(agency: Account, card: str, rows: int) -> None:
    """Sub-accounts with wallets and a monthly allocation, written at once."""
    accounts = Account.objects.bulk_create(
        Account(kind="sub_account", agency=agency, name=f"Sub-account {number}", timezone="UTC")
        for number in range(rows)
    )
    wallets = Wallet.objects.bulk_create(Wallet(account=account) for account in accounts)
    AutoRecharge.objects.bulk_create(AutoRecharge(wallet=wallet) for wallet in wallets)
    AutoAllocation.objects.bulk_create(
        AutoAllocation(
            account=account,
            agency=agency,
            basic_minutes=500,
            premium_minutes=0,
            payment_method=card,
            anchor_date=clock.now().date(),
            active=True,
        )
        for account in accounts
    )


def fill_lists(agency: Account, owner: User, rows: int) -> None:
    users = User.objects.bulk_create(
        User(email=f"seat-{rows}-{number}@example.com", name=f"Seat {number}")
        for number in range(rows)
    )
    Membership.objects.bulk_create(
        Membership(user=user, account=agency, role=Role.MEMBER) for user in users
    )
    Notification.objects.bulk_create(
        Notification(account=agency, kind="x", title=f"{number}", text="t")
        for number in range(rows)
    )
    # More than anybody may invite in a day.
    Invitation.objects.bulk_create(
        Invitation(
            account=agency,
            email=f"{number}@example.net",
            role=Role.MEMBER,
            invited_by=owner,
            expires_at=clock.now() + members.INVITATION_LASTS,
        )
        for number in range(rows)
    )
    fill_sessions(owner, rows)
    for number in range(rows):
        api_keys.create(account=agency, name=f"{number}", scopes=[Scope.READ], created_by=users[0])


def fill_sessions(owner: User, rows: int) -> None:
    keys = [f"{rows}-{number}" for number in range(rows)]
    tomorrow = clock.now() + timedelta(days=1)
    Session.objects.bulk_create(Session(session_key=key, expire_date=tomorrow) for key in keys)
    OpenSession.objects.bulk_create(
        OpenSession(user=owner, session_key=key, ip="192.0.2.1", browser="Firefox on Linux")
        for key in keys
    )


def addresses(ids: dict[str, object]) -> dict[str, str]:
    return {name: path.format(**ids) for name, path in PAGES.items()}


def queries(client: Client, path: str) -> int:
    client.get(path)  # What is asked once, such as content types, is asked now.
    with CaptureQueriesContext(connection) as captured:
        answer = client.get(path)
    assert answer.status_code == 200, path
    return len(captured)


def test_no_page_asks_more_of_the_database_for_200_rows_than_for_10(stripe):
    few, few_ids = grown(stripe, FEW)
    many, many_ids = grown(stripe, MANY)

    few_paths, many_paths = addresses(few_ids), addresses(many_ids)
    counts = {
        name: (queries(few, few_paths[name]), queries(many, many_paths[name])) for name in PAGES
    }

    assert {name: two for name, two in counts.items() if two[1] > two[0]} == {}
    most = {name: MOST_QUERIES.get(name, USUAL_QUERIES) for name in PAGES}
    assert {name: two for name, two in counts.items() if max(two) > most[name]} == {}
    assert Purchase.objects.filter(state="succeeded").count() == 2


def test_no_page_weighs_more_than_150_kilobytes(stripe):
    client, ids = grown(stripe, MANY)
    files = sum(len(gzip.compress(Path(finders.find(name)).read_bytes(), 6)) for name in ASSETS)
    files += FONT.stat().st_size

    weights = {name: files + len(client.get(path).content) for name, path in addresses(ids).items()}

    assert {name: weight for name, weight in weights.items() if weight > MOST_BYTES} == {}


def test_every_file_a_page_asks_for_is_weighed(stripe):
    client, _ = grown(stripe, 1)
    page = client.get("/payments/").content.decode()

    asked = set(re.findall(r'(?:src|href)="/static/([^"#]+)', page))

    weighed = {*ASSETS, "ui/fonts/inter-latin.woff2"}
    assert asked - {"django_htmx/django-htmx.js"} <= weighed
