"""The database is full, or older than the code: refused whole, and every cent is there after."""

import threading
import time
import urllib.error
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal

import psycopg
import pytest
from django.core.management import call_command
from django.db import connection

from accounts.models import Scope
from accounts.tests.builders import make_key
from campaigns.models import Call
from tests.faults.harness import come_to_rest
from tests.faults.people import by_hand, low_balance, monthly, taken
from tests.faults.test_b_killed_workers import post_calls
from thinkrr_billing.tests.processes import wait_until
from wallets.models import LedgerEntry, Purchase, Wallet

pytestmark = [pytest.mark.faults, pytest.mark.redis]

# The oldest tables today's rows fit into, after which every trigger of money came.
OLDER = (
    ("campaigns", "0001_initial"),
    ("wallets", "0004_settings_are_audited"),
    ("accounts", "0003_audit_by_triggers"),
)


@contextmanager
def copied_database(plant, name: str = "upgraded") -> Iterator[str]:
    """A copy of the plant's database for this test alone; its address."""
    server = plant.postgres.url.rpartition("/")[0]
    connection.close()
    with psycopg.connect(f"{server}/postgres", autocommit=True) as admin:
        admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        admin.execute(f"CREATE DATABASE {name} TEMPLATE {plant.postgres.url.rpartition('/')[2]}")
        before = connection.settings_dict["NAME"]
        connection.settings_dict["NAME"] = name
        try:
            yield f"{server}/{name}"
        finally:
            connection.close()
            connection.settings_dict["NAME"] = before
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


class YesterdaysWriter(threading.Thread):
    """Code of the release before: it moves a balance itself and then writes the entry."""

    def __init__(self, url: str, wallet_id: int) -> None:
        super().__init__()
        self.url, self.wallet_id = url, wallet_id
        self.written = self.refused = 0
        self.over = threading.Event()

    def run(self) -> None:
        with psycopg.connect(self.url, autocommit=True) as db:
            while not self.over.wait(0.01):
                try:
                    self._write(db)
                    self.written += 1
                except psycopg.Error:
                    self.refused += 1

    def _write(self, db: psycopg.Connection) -> None:
        with db.transaction():
            lock = "SELECT credit FROM wallets_wallet WHERE id = %s FOR NO KEY UPDATE"
            credit = db.execute(lock, [self.wallet_id]).fetchone()[0] + Decimal("0.01")
            db.execute(
                "UPDATE wallets_wallet SET credit = %s WHERE id = %s", [credit, self.wallet_id]
            )
            db.execute(
                "INSERT INTO wallets_ledgerentry (wallet_id, pot, amount, balance_after, kind,"
                " key, note, occurred_at, created_at) VALUES (%s, 'credit', 0.01, %s,"
                " 'adjustment', %s, '', now(), now())",
                [self.wallet_id, credit, f"yesterday:{self.written}:{self.refused}"],
            )


def test_f73_migrated_while_yesterdays_code_writes_and_todays_workers_wait(plant, stripe):
    paid, due, wallet = by_hand(stripe), monthly(stripe), low_balance(stripe, credit="100")
    paid.trigger()
    low = low_balance(stripe)
    with copied_database(plant) as url:
        for app, name in OLDER:
            call_command("migrate", app, name, verbosity=0)
        connection.close()
        writer = YesterdaysWriter(url, wallet.pk)
        writer.start()
        try:
            wait_until(lambda: writer.written >= 20, seconds=30, what="yesterday's code writes")
            worker = plant.worker()
            worker.env["DATABASE_URL"] = url
            worker.launch(*worker.command())
            worker.wait_for_end(within=60)
            assert "The database is older than this code" in worker.log
            assert writer.refused == 0

            call_command("migrate", verbosity=0)
            connection.close()
            worker.start()
            for purchase in (low.pk, wallet.pk):
                plant.send("wallets.recharge_wallet", purchase)
            plant.send("wallets.tick")
            worker.wait_for(lambda: 5000 in taken(stripe), "today's worker charges")
            wait_until(lambda: writer.refused, seconds=30, what="yesterday's code is refused")
        finally:
            writer.over.set()
            writer.join(30)
        worker.kill()

        come_to_rest(stripe)
        assert sorted(taken(stripe)) == [1600, 1600, 5000]
        for one in (paid, due):
            one.wallet.refresh_from_db()
            assert one.wallet.premium_seconds == one.premium_seconds
        adjusted = LedgerEntry.objects.filter(wallet=wallet, key__startswith="yesterday:")
        assert adjusted.count() == writer.written
        credit = Wallet.objects.get(pk=wallet.pk).credit.amount
        assert credit == 100 + Decimal("0.01") * writer.written


def test_f74_without_a_free_connection_requests_are_refused_fast_and_whole(plant, stripe):
    wallet = low_balance(stripe, credit="10")
    _, token = make_key(None, Scope.CALLS)
    connection.close()
    plant.postgres.restart(
        "max_connections=12", "reserved_connections=0", "superuser_reserved_connections=0"
    )
    web, worker = plant.web(), plant.worker()
    web.start()
    worker.start()
    stripe.clear_requests()
    with all_connections_taken(plant):
        began = time.monotonic()
        with pytest.raises(urllib.error.HTTPError, match="503"):
            post_calls(web.url, token, wallet.account_id, seconds=600)
        with pytest.raises(urllib.error.HTTPError, match="503"):
            urllib.request.urlopen(f"{web.url}/readyz", timeout=20)
        took = time.monotonic() - began
        plant.send("wallets.recharge_wallet", wallet.pk)
        worker.wait_for(lambda: "too many clients" in worker.log, "the worker is refused, too")

    assert took < 6, f"{took:.1f} s"
    assert stripe.requests() == []
    assert not Call.objects.exists()
    assert not Purchase.objects.exists()
    answer = post_calls(web.url, token, wallet.account_id, seconds=600)
    assert answer["results"][0]["status"] == "charged"
    plant.stop_apps()
    come_to_rest(stripe)
    assert taken(stripe) == [5000]


@contextmanager
def all_connections_taken(plant) -> Iterator[None]:
    """Whoever had one loses it, and there is no other."""
    held = [psycopg.connect(plant.postgres.url, autocommit=True)]
    cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
    held[0].execute(f"{cut} AND backend_type = 'client backend'")
    try:
        while True:
            held.append(psycopg.connect(plant.postgres.url))
    except psycopg.OperationalError:
        yield
    finally:
        for one in held:
            one.close()
