"""However much others have, or an account itself, its pages and lists read what they show.

PostgreSQL expects of everybody what is usual. Where one has much among many who have little, what
is asked of it looks like all it has, to be read and sorted as a whole. Where few have much, the
newest rows of all look like a short way to the newest of one that rests.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from rest_framework.test import APIClient

from accounts import clock
from accounts.models import Account, WebhookEndpoint
from campaigns import usage_days
from tests.api.test_paging import lists
from tests.databases import as_owner
from tests.plans import rows_read, sent_by
from tests.test_page_costs import addresses, grown
from wallets.models import Wallet
from wallets.tests.worlds.api_clients import client_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nudges"), pytest.mark.journey]

MANY, USUAL = 4_000, 10
# Two hundred papers, each looked at twice, or a hundred changes of each kind and account.
MOST = 1_000
# What is said of all there is: how many campaigns each tab has and pages a webhook's log, and the
# sums of usage, whose lines are all campaigns that had calls.
OF_ALL = {
    "campaigns": "campaigns_campaign",
    "webhook": "accounts_webhookdelivery",
    "usage by campaign": "campaigns_campaign",
}

# As many rows of each account as it has, one after the other in time: those of who has many come
# last. The newest is four months old, past what paces, forecasts and pictures look at.
ROWS = """
CREATE TEMP TABLE crowd ON COMMIT DROP AS
SELECT *, now() - interval '1 year' + interval '240 days' * n / count(*) OVER () AS at
FROM (SELECT a.id AS account_id, w.id AS wallet_id, row_number() OVER (ORDER BY g, a.id) AS n
      FROM accounts_account a JOIN wallets_wallet w ON w.account_id = a.id
      CROSS JOIN generate_series(
          1, CASE WHEN a.id = ANY (%(busy)s) THEN %(many)s WHEN a.kind = 'individual' THEN %(usual)s
                  ELSE %(own)s END) g) AS rows
"""
FILL = {
    "wallets_ledgerentry": """
        INSERT INTO wallets_ledgerentry (pot, amount, balance_after, kind, key, note, occurred_at,
                                         created_at, wallet_id)
        SELECT 'credit', -0.000001, n, 'calls', 'calls:' || md5('batch ' || n)::uuid, '', at, at,
               wallet_id FROM crowd ORDER BY n""",
    "campaigns_campaign": """
        INSERT INTO campaigns_campaign (external_id, name, minute_type, status, pause_reason,
                                        created_at, updated_at, account_id)
        SELECT 'c' || n, 'C', 'premium', 'complete', '', at, at, account_id
        FROM crowd ORDER BY n""",
    "campaigns_call": """
        INSERT INTO campaigns_call (reporter, external_id, minute_type_sent, minute_type, seconds,
            ended_at, outcome, included_seconds, premium_seconds, basic_seconds, cost, batch,
            created_at, account_id, campaign_id)
        SELECT '00000000-0000-0000-0000-000000000000', 'c' || n, '', 'premium', 60, at,
               'completed', 0, 0, 0, 0.16, md5('batch ' || n)::uuid, at, account_id, c.id
        FROM crowd JOIN campaigns_campaign c USING (account_id)
        WHERE c.external_id = 'c' || n ORDER BY n""",
    "wallets_purchase": """
        INSERT INTO wallets_purchase (id, purpose, amount_cents, buys, premium_minutes,
            basic_minutes, payment_method, card, card_fingerprint, state, payment_intent, attempts,
            decline_code, error_text, quarantine_reason, receipt_number, created_at, submitted_at,
            closed_at, payer_id, wallet_id)
        SELECT md5('purchase ' || n)::uuid, 'recharge', 2000, 'credit', 0, 0, 'pm_1', 'Visa', 'f',
               CASE WHEN n % 10 = 0 THEN 'declined' ELSE 'succeeded' END, 'pi_crowd' || n, 1,
               CASE WHEN n % 10 = 0 THEN 'card_declined' ELSE '' END, '', '',
               CASE WHEN n % 10 > 0 THEN 100000 + n END, at, at, at, account_id, wallet_id
        FROM crowd ORDER BY n""",
    "accounts_notification": """
        INSERT INTO accounts_notification (account_id, kind, title, text, level, data, dedupe_key,
                                           link, audience, created_at, mail_attempts, read_at)
        SELECT account_id, 'recharged', 'Recharged', 'Recharged', 'info', '{}', 'crowd' || n, '',
               'managers', at, 0, at FROM crowd ORDER BY n""",
    "wallets_loggeddecision": """
        INSERT INTO wallets_loggeddecision (wallet_id, subject, about, name, code, figures,
                                            first_at, last_at, times)
        SELECT wallet_id, 'autopause', 'c' || n, 'C', 'paused', '{}', at, at, 1
        FROM crowd ORDER BY n""",
    "accounts_webhookevent": """
        INSERT INTO accounts_webhookevent (id, message, account_id, only_agency, kind, facts, data,
                                           sequence, created_at)
        SELECT 100000 + n, md5('event ' || n)::uuid, account_id, false, 'test', '{}', '{}',
               100000 + n, at
        FROM crowd ORDER BY n""",
    "accounts_webhookdelivery": """
        INSERT INTO accounts_webhookdelivery (endpoint_id, event_id, about, sequence, alone, state,
                                              attempts, next_at, sent_at, created_at)
        SELECT e.id, 100000 + n, 'x', n, false, 'sent', 1, at, at, at
        FROM crowd CROSS JOIN LATERAL (
            SELECT id FROM accounts_webhookendpoint e WHERE e.account_id = crowd.account_id
            ORDER BY created_at LIMIT 1) e
        ORDER BY n""",
    "accounts_change": """
        INSERT INTO accounts_change (account_id, kind, object_id, changed_at, sequence, numbered_at,
                                     is_late)
        SELECT account_id, 'campaign', 'c' || n, at, 100000 + n, at, false FROM crowd ORDER BY n""",
}


def make_others(count: int) -> list[Account]:
    others = Account.objects.bulk_create(
        Account(kind="individual", name=f"Other {number}", timezone="UTC")
        for number in range(count)
    )
    Wallet.objects.bulk_create(Wallet(account=other) for other in others)
    WebhookEndpoint.objects.bulk_create(
        WebhookEndpoint(account=other, url="https://example.com/") for other in others
    )
    return others


def fill(busy: list[Account], own: int = USUAL) -> None:
    """Give these accounts much of everything, and all others what is usual, earlier; the agency and
    its sub-accounts so much, unless it is busy itself."""
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        asked = {"busy": [one.pk for one in busy], "many": MANY, "usual": USUAL, "own": own}
        cursor.execute(ROWS, asked)
        # Entries stand in the order of their moments: those that are there came first.
        cursor.execute(
            "UPDATE wallets_ledgerentry SET created_at = created_at - interval '2 years'"
        )
        for statement in FILL.values():
            cursor.execute(statement)
        cursor.execute("SET LOCAL session_replication_role = origin")
        cursor.execute("ANALYZE")
    # As each night does.
    for account in [*busy, *Account.objects.exclude(kind="individual")]:
        usage_days.keep(account=account, today=account.local_date(clock.now()))


@dataclass(frozen=True)
class Look:
    """A page or a list, as somebody looks at it."""

    name: str
    client: Client | APIClient
    path: str


def looks(owner: Client, ids: dict[str, object]) -> Iterator[Look]:
    account = Account.objects.get(kind="agency")
    for name, path in addresses(ids).items():
        yield Look(name, owner, path)
    for more in ("?days=90", "transactions/?since=2026-01-01", "transactions/?until=2026-11-01"):
        yield Look(more, owner, f"/payments/{more}")
    month = clock.now() - timedelta(days=200)
    yield Look("a statement of then", owner, f"/payments/statements/{month:%Y-%m}/")
    api = client_of(account)
    for one in lists():
        of = {"account_id": ids["dental"], "endpoint_id": ids["webhook"]}
        path = one.path.format(**of)
        yield Look(str(one), api, path)
        if "include" in {parameter["name"] for parameter in one.parameters}:
            yield Look(f"{one} with sub-accounts", api, f"{path}?include=sub_accounts")
    yield Look("all changes", api, "/api/v1/changes?include=sub_accounts")


def too_much(look: Look) -> list[tuple[int, str, str]]:
    """What it reads over `MOST` rows of a table by one statement: how many, of which, and that."""
    answers = []
    sent = sent_by(lambda: answers.append(look.client.get(look.path)))
    assert answers[0].status_code == 200, look
    read = [
        (rows_read(sql, values, of=table), table, " ".join(sql.split()))
        for sql, values in sent
        if sql.lstrip("( \n").startswith(("SELECT", "WITH")) and " FOR " not in sql
        for table in FILL
        if table in sql
    ]
    return [one for one in read if one[0] > MOST and OF_ALL.get(look.name) != one[1]]


def insist_on_little(owner: Client, ids: dict[str, object]) -> None:
    found = {look.name: too_much(look) for look in looks(owner, ids)}
    assert {name: read for name, read in found.items() if read} == {}


def test_of_one_who_has_much_among_many_no_page_or_list_reads_it_all(stripe):
    owner, ids = grown(stripe, 10)
    make_others(1_500)
    fill(busy=[Account.objects.get(kind="agency")])

    insist_on_little(owner, ids)


@pytest.mark.parametrize("own", [USUAL, 2_000])
def test_of_one_who_rests_no_page_or_list_reads_what_few_others_have(own, stripe):
    owner, ids = grown(stripe, 2)
    fill(busy=make_others(200)[:5], own=own)

    insist_on_little(owner, ids)
