"""What follows from a broken rule: wallets are frozen, support is told, the command says so."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection, transaction

from accounts import clock
from accounts.models import StaffAlert
from wallets.books import checking, ledger_rules
from wallets.books.register import Rule
from wallets.models import Pot, StripeEvent, Wallet
from wallets.tests.worlds.books_world import plant
from wallets.tests.worlds.builders import make_wallet

pytestmark = pytest.mark.django_db


def test_the_hourly_check_freezes_the_wallets_named_and_tells_support(paid):
    innocent = make_wallet()
    plant(f"UPDATE wallets_wallet SET credit = credit + 1 WHERE id = {paid.pk}")

    for _ in range(2):
        checking.check_and_freeze()

    paid.refresh_from_db()
    innocent.refresh_from_db()
    assert (paid.blocked_reason, innocent.blocked_reason) == ("books", "")
    [alert] = StaffAlert.objects.filter(kind="books")
    assert alert.text.startswith("I1 is broken 1 times, 1 wallets were blocked: credit holds 51")


def test_every_pot_is_a_chain_of_its_own_in_the_last_of_all_cells():
    wallets, pots = [1, 2, 4001 * 2**40 - 1], list(Pot)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT count(DISTINCT {ledger_rules.CHAIN})"
            " FROM unnest(%s::bigint[]) AS wallet_id, unnest(%s::text[]) AS pot",
            [wallets, pots],
        )
        assert cursor.fetchone() == (len(wallets) * len(pots),)


@pytest.mark.parametrize("days", [None, 1])
def test_no_rule_holds_a_lock_that_anybody_who_writes_waits_for(days):
    since = None if days is None else clock.now() - timedelta(days=days)
    with transaction.atomic(), connection.cursor() as cursor:
        checking.check_all(since=since)
        cursor.execute(
            "SELECT DISTINCT mode FROM pg_locks"
            " WHERE pid = pg_backend_pid() AND locktype = 'relation'"
        )
        modes = {mode for (mode,) in cursor.fetchall()}

    assert modes == {"AccessShareLock"}


@pytest.mark.usefixtures("paid")
def test_a_freezing_rule_that_names_no_wallet_freezes_all():
    plant("DROP TRIGGER wallets_purchases_guarded ON wallets_purchase")

    checking.check_and_freeze()

    assert not Wallet.objects.filter(blocked_at=None).exists()


@pytest.mark.outside_of_cells("events and looks at all of Stripe are everybody's")
@pytest.mark.usefixtures("paid")
def test_rules_that_only_alert_freeze_nobody():
    old = clock.now() - timedelta(minutes=6)
    StripeEvent.objects.create(event_id="evt_1", type="x", payload={}, received_at=old)

    checking.check_and_freeze()

    assert not Wallet.objects.exclude(blocked_at=None).exists()
    assert StaffAlert.objects.filter(kind="books").count() == 1


@pytest.mark.usefixtures("busy")
def test_verify_books_is_silent_when_the_books_agree():
    out = StringIO()

    call_command("verify_books", "--stripe", stdout=out)

    assert out.getvalue() == ""


@pytest.mark.outside_of_cells("the command names the cell")
def test_verify_books_says_one_line_a_broken_row_and_blocks_nobody(paid):
    plant(f"UPDATE wallets_wallet SET credit = 7 WHERE id = {paid.pk}")
    out = StringIO()

    with pytest.raises(SystemExit) as leaving:
        call_command("verify_books", stdout=out)

    assert leaving.value.code == 1
    assert out.getvalue().splitlines() == [
        f"I1: wallet {paid.pk}: credit holds 7.000000, its entries sum to 50.000000"
    ]
    assert not Wallet.objects.exclude(blocked_at=None).exists()


@pytest.mark.parametrize("days", [0, -7])
def test_verify_books_does_not_say_that_all_is_well_of_no_days(days):
    with pytest.raises(CommandError, match="--days must be 1 or more"):
        call_command("verify_books", f"--days={days}")


@pytest.mark.usefixtures("paid")
def test_verify_books_without_an_answer_from_stripe_does_not_say_that_all_is_well(stripe):
    stripe.fault(kind="500_before", path="/v1/payment_intents", times=10)

    with pytest.raises(CommandError, match="were not compared"):
        call_command("verify_books", "--stripe")


def test_the_wallets_behind_those_that_are_shown_are_frozen_too(monkeypatch):
    wallets = [make_wallet() for _ in range(7)]
    broken = Rule("I1", lambda: "SELECT id, 'wrong' FROM wallets_wallet ORDER BY id", freezes=True)
    monkeypatch.setattr(checking, "rules", [broken])
    monkeypatch.setattr(checking, "MOST_ROWS", 2)
    monkeypatch.setattr(checking, "MOST_FROZEN", 4)
    blocked = Wallet.objects.filter(pk__in=[one.pk for one in wallets], blocked_reason="books")

    counts = []
    for _ in range(3):
        checking.check_and_freeze()
        counts.append(blocked.count())

    assert counts == [4, 7, 7]
