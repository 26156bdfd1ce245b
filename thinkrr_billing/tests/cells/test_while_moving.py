"""What comes for an agency while it moves may come again, and nothing is lost or done twice."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from datetime import timedelta

import pytest
from django.db import InternalError, connection, transaction
from django.http import HttpResponse
from django.test import Client, RequestFactory

from accounts import clock
from accounts.cells import directory, place
from accounts.cells.directory import Moving, NoCell
from accounts.cells.place import inside
from accounts.middleware import CurrentAccountMiddleware
from accounts.models import Cell, CellOfAccount, Scope
from accounts.runtime.outages import is_outage
from accounts.tests.builders import owner_of
from campaigns import batches
from campaigns.tests.builders import make_report
from tests.two_cells import FIRST, SECOND
from thinkrr_billing.cells import moving, proving
from thinkrr_billing.tests.cells.moving_world import away, books_are_in_order, elsewhere
from thinkrr_billing.tests.cells.worlds import wallet_in
from wallets import inbox
from wallets.models import Purchase, StripeEvent, Wallet
from wallets.tests.test_inbox import event, receive
from wallets.tests.worlds.api_clients import client_of

PAGES = (
    "/payments/",
    "/payments/transactions/",
    "/payments/why/",
    "/payments/receipts/",
    "/payments/statements/",
    "/help/",
    "/settings/alerts/",
    "/account-manager/",
    "/campaigns/",
    "/usage/",
)

pytestmark = [pytest.mark.journey, pytest.mark.usefixtures("_at_once")]


def in_the_first(report):
    with inside(FIRST):
        return batches._record([report])


@pytest.fixture
def meanwhile(monkeypatch, world):
    """Do something while rows have moved and nobody sees it yet; returns what that was answered."""

    def during(do):
        compare, told = proving.compare, []

        def begin(*args, **cells):
            with ThreadPoolExecutor(1) as pool:
                told.append(pool.submit(elsewhere, do).result(30))
            return compare(*args, **cells)

        with monkeypatch.context() as patched:
            patched.setattr(proving, "compare", begin)
            away(world)
        return told[0]

    return during


def test_in_one_batch_the_movers_calls_may_come_again_and_the_others_are_charged(world, meanwhile):
    others = [wallet_in(cell, credit="10") for cell in (FIRST, SECOND)]
    reports = [make_report(one) for one in (world.sub, *(one.account_id for one in others))]

    told = meanwhile(lambda: batches.record(reports=reports, reporter=None))
    again = batches.record(reports=reports, reporter=None)

    assert [one.error and one.error.code for one in told] == ["unavailable", None, None]
    assert [one.status for one in again] == ["charged", "duplicate", "duplicate"]
    books_are_in_order()


def test_who_would_change_something_of_the_mover_is_told_to_come_again(world, meanwhile):
    with inside(FIRST):
        own = client_of(world.agency, Scope.READ, Scope.WRITE)
        person = Client(raise_request_exception=False)
        person.force_login(owner_of(world.agency))
    charged = {"amount": "20.00"}

    def ask(number):
        return [
            own.post(
                "/api/v1/wallet/recharges", charged, headers={"Idempotency-Key": f"key {number}"}
            ),
            person.post("/payments/auto-recharge/", {"enabled": "on"}),
        ]

    told = meanwhile(lambda: ask(1))

    assert [(one.status_code, one.get("Retry-After")) for one in told] == [(503, "5")] * 2
    assert told[0].json()["error"]["message"] == (
        "This account is being moved to another place, and is back in seconds. Send the same "
        "request again in 5 seconds."
    )
    page = " ".join(told[1].content.decode().split())
    assert "Your account is being moved" in page
    assert "Try again in 5 seconds." in page
    assert "Our database is not answering" not in page
    assert 503 not in [one.status_code for one in ask(2)]
    books_are_in_order()


def test_what_only_reads_the_mover_is_answered_from_where_it_was(world, meanwhile):
    with inside(FIRST):
        own = client_of(world.agency, Scope.READ)
        platform = client_of(None, Scope.READ)
        person = Client(raise_request_exception=False)
        person.force_login(owner_of(world.agency))

    def ask():
        return [
            own.get("/api/v1/wallet").content,
            platform.get(f"/api/v1/wallet?account={world.sub.pk}").content,
            *(person.get(page).status_code for page in PAGES),
        ]

    before = ask()

    assert before[2:] == [200] * len(PAGES)
    assert meanwhile(ask) == before
    assert ask() == before


def test_a_file_of_the_mover_is_asked_for_again(world, meanwhile):
    with inside(FIRST):
        person = Client(raise_request_exception=False)
        person.force_login(owner_of(world.agency))

    told = meanwhile(lambda: person.get("/payments/transactions.csv"))

    assert (told.status_code, told["Retry-After"]) == (503, "5")
    assert person.get("/payments/transactions.csv").status_code == 200


def test_what_stripe_tells_of_the_mover_is_heard_afterwards(world, meanwhile):
    with inside(FIRST):
        intent = Purchase.objects.filter(payer=world.agency).first().payment_intent
    stored = receive(
        event(
            found={
                "id": intent,
                "object": "payment_intent",
                "customer": world.agency.stripe_customer,
            }
        )
    )

    assert meanwhile(lambda: inbox.apply(event_pk=stored.pk)) is False
    assert not StripeEvent.objects.get(pk=stored.pk).not_ours

    inbox.apply_again(event_pk=stored.pk)
    assert inbox.apply(event_pk=stored.pk) is True
    assert not StripeEvent.objects.get(pk=stored.pk).not_ours


def test_a_call_that_waits_for_a_mover_is_not_lost_and_not_charged_twice(world, monkeypatch):
    report = make_report(world.sub)
    compare = proving.compare

    with ThreadPoolExecutor(1) as pool:
        waiting = []

        def begin(*args, **kwargs):
            waiting.append(pool.submit(elsewhere, lambda: in_the_first(report)))
            with connection.cursor() as cursor:
                for _ in range(200):
                    cursor.execute(
                        "SELECT count(*), pg_sleep(0.02) FROM pg_stat_activity"
                        " WHERE wait_event_type = 'Lock' AND datname = current_database()"
                    )
                    if cursor.fetchone()[0]:
                        break
            return compare(*args, **kwargs)

        monkeypatch.setattr(proving, "compare", begin)
        away(world)
        [told] = waiting[0].result(30)

    assert told.error.code == "unavailable"
    assert [one.status for one in batches.record(reports=[report] * 2, reporter=None)] == [
        "charged",
        "duplicate",
    ]
    books_are_in_order()


def test_an_account_with_a_long_past_stays_away_until_it_has_moved(world, meanwhile, monkeypatch):
    monkeypatch.setattr(moving, "AWAY_FOR", timedelta(seconds=3))
    monkeypatch.setattr(moving, "RENEWED_AFTER_SECONDS", 0.2)

    def much_later():
        time.sleep(3.5)
        with pytest.raises(Moving):
            directory.of_account(world.sub.pk)

    meanwhile(much_later)

    assert directory.of_account(world.sub.pk) == SECOND


@pytest.mark.usefixtures("two_cells")
def test_an_account_whose_mover_died_is_back_by_itself():
    account_id = wallet_in(FIRST).account_id
    rows = CellOfAccount.objects.filter(pk=account_id)
    rows.update(moving_until=clock.now() + timedelta(minutes=1))
    with pytest.raises(NoCell):
        directory.of_account(account_id)

    rows.update(moving_until=clock.now() - timedelta(seconds=1))

    assert directory.of_account(account_id) == FIRST


def make_moving():
    account_id = wallet_in(FIRST, credit="10").account_id
    away_until(account_id, clock.now() + timedelta(minutes=1))
    return account_id


def away_until(account_id, moment, **facts):
    CellOfAccount.objects.filter(pk=account_id).update(moving_until=moment, **facts)


@pytest.mark.usefixtures("kept_cells")
@pytest.mark.parametrize("around", [nullcontext, transaction.atomic])
def test_whoever_only_reads_a_mover_can_write_nothing_in_its_cell(around):
    moving_account = make_moving()
    with place.of_a_request(only_reads=True):
        with inside(directory.of_account(moving_account)):
            assert Wallet.objects.get(account=moving_account).credit.amount == 10
            with pytest.raises(InternalError) as error, around():
                Wallet.objects.filter(account=moving_account).update(premium_seconds=60)
        assert is_outage(error.value)
        # What is everybody's may be written.
        away_until(moving_account, clock.now() + timedelta(minutes=2))

    with inside(FIRST):
        assert Wallet.objects.get(account=moving_account).premium_seconds == 0
        Wallet.objects.filter(account=moving_account).update(default_payment_method="pm_new")


@pytest.mark.usefixtures("two_cells")
def test_what_arrived_while_it_was_read_is_read_again_where_it_is():
    moving_account, seen = make_moving(), []

    def read(_):
        seen.append(directory.of_account(moving_account))
        away_until(moving_account, None, cell=Cell.objects.get(name=SECOND))
        return HttpResponse(seen[-1])

    told = CurrentAccountMiddleware(read)(RequestFactory().get("/"))

    assert told.content.decode() == SECOND
    assert seen == [FIRST, SECOND]
