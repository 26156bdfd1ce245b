"""PgBouncer in transaction mode in front of the database: two sessions, handed from transaction to
transaction, of whoever. Debian's pgbouncer, the real one."""

import csv
import io
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from functools import partial

import pytest
from django.db import connection
from django.test import Client

from accounts.models import AuditEntry, User
from accounts.tests.builders import make_individual, make_user, owner_of
from campaigns import calls
from campaigns.models import Call
from campaigns.tests.builders import fill, make_report, make_wallet
from tests.poolers import SESSIONS, pooled
from thinkrr_billing.figures import pooler
from thinkrr_billing.tests.processes import wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.journey, pytest.mark.pooler]


def all_at_once(*acts):
    """Each in a thread with a connection of its own."""

    def run(act):
        try:
            return act()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(acts)) as pool:
        return [done.result() for done in [pool.submit(run, act) for act in acts]]


def test_calls_of_many_are_charged_exactly_once():
    wallets = [make_wallet(credit="100") for _ in range(4)]
    batches = [
        [
            make_report(wallet.account_id, seconds=60, id=f"{wallet.pk}-{batch}-{number}")
            for number in range(5)
        ]
        for batch in range(8)
        for wallet in wallets
    ]

    def report(mine):
        """Everything twice, as a platform that heard no answer."""
        return [calls.record(reports=one, reporter=None) for one in mine * 2]

    with pooled():
        results = all_at_once(*(partial(report, batches[at::4]) for at in range(4)))

    told = [one.status for batches in results for batch in batches for one in batch]
    assert sorted(told) == ["charged"] * 160 + ["duplicate"] * 160
    assert Call.objects.count() == 160
    for wallet in wallets:
        wallet.refresh_from_db()
        assert wallet.credit.amount == Decimal("100") - 40 * Decimal("0.16")


def test_each_change_names_who_made_it():
    people = [owner_of(make_individual()) for _ in range(3)]
    other = make_user()
    browsers = [Client() for _ in people]
    for browser, person in zip(browsers, people, strict=True):
        browser.force_login(person)

    def rename(browser, person):
        for turn in range(10):
            name = f"{person.pk} in turn {turn}"
            browser.post("/settings/profile/", {"name": name, "theme": "dark"})
            # As a worker does, or a shell.
            User.objects.filter(pk=other.pk).update(name=f"None in turn {name}")

    with pooled():
        all_at_once(*map(partial, [rename] * 3, browsers, people))

    changes = [
        one
        for one in AuditEntry.objects.filter(table="accounts_user", operation="update")
        if "in turn" in str(one.after)
    ]
    assert len(changes) == 60
    assert all(one.after["name"].startswith(f"{one.actor_id} in turn") for one in changes)


def test_a_long_export_is_whole(monkeypatch):
    monkeypatch.setattr("wallets.limits.EXPORT_BITE", 7)
    account = make_individual()
    wallet = make_wallet(account=account)
    for _ in range(50):
        fill(wallet, credit="1")
    browser = Client()
    browser.force_login(owner_of(account))

    with pooled():
        answer = browser.get("/payments/transactions.csv")
        rows = list(csv.reader(io.StringIO(b"".join(answer.streaming_content).decode())))

    assert len(rows) == 1 + 50


@pytest.mark.parametrize(
    ("limits", "state"),
    [
        (True, "ok"),
        (
            False,
            "without idle_in_transaction_session_timeout, lock_timeout, statement_timeout",
        ),
    ],
)
def test_a_pooler_that_sets_no_limits_is_seen_before_anybody_is_sent_here(
    monkeypatch, limits, state
):
    monkeypatch.setitem(connection.settings_dict, "LIMITED", True)

    with pooled(limits=limits):
        answer = Client().get("/readyz")

    assert answer.json()["database"] == state
    assert answer.status_code == (200 if limits else 503)


def figures() -> dict[tuple[str, ...], float]:
    return {labels: value for figure in pooler.FIGURES for labels, value in figure.read()}


def test_a_pooler_tells_how_many_wait_and_for_how_long():
    def sleeper():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(3)")

    def looker():
        busy = ("clients", "active")
        wait_until(lambda: figures().get(busy) == SESSIONS, seconds=10, what="all are at work")
        return figures()

    with pooled():
        *_, told = all_at_once(*[sleeper] * (SESSIONS + 1), looker)

    assert told["clients", "waiting"] == 1
    assert told["clients", "active"] == told["sessions", "active"] == SESSIONS
    assert told["sessions", "idle"] == 0
    assert 0 < told[()] < 3


def test_nothing_is_told_of_a_pooler_where_there_is_none():
    assert figures() == {}
