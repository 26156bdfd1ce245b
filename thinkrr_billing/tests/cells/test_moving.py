"""An agency goes to another cell with all it has, or stays as it was."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from functools import partial
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, OperationalError, connection, transaction

from accounts.cells import directory
from accounts.cells.directory import Moving
from accounts.cells.place import inside
from accounts.models import Account, CellOfAccount, Notification, WebhookDelivery
from campaigns.models import Call
from tests.two_cells import FIRST, SECOND
from thinkrr_billing.cells import belonging, homes, moving, numbering, proving
from thinkrr_billing.cells.beginning import Refused
from thinkrr_billing.cells.homes import MIGRATIONS, Home
from thinkrr_billing.tests.cells.moving_world import (
    away,
    books_are_in_order,
    charge,
    elsewhere,
    kept,
    of,
)
from thinkrr_billing.tests.cells.worlds import wallet_in
from wallets.models import LedgerEntry, Reversal, Wallet
from wallets.reversals import refunds
from wallets.tests.worlds.reversal_world import buy, refunded_outside

pytestmark = [pytest.mark.journey, pytest.mark.usefixtures("_at_once")]


@pytest.mark.django_db
def test_every_table_moves_or_stays():
    its = homes.tables()
    moves = set(belonging.tables())
    others = {name for name, home in its.items() if home is not Home.GLOBAL} - moves

    assert not moves & belonging.STAYS
    assert {name for name in others if not name.startswith("djstripe_")} == {
        MIGRATIONS,
        *belonging.STAYS,
    }
    for table in moves:
        assert "pg_temp.moving" in belonging.rows(table, "cell")


def test_an_agency_moves_with_all_it_has_and_goes_on(world):
    calls = of(Call, FIRST, account=world.sub)
    entries = of(LedgerEntry, FIRST, wallet__account__in=[world.agency, world.sub])
    told = of(Notification, FIRST, account=world.agency)
    before = {cell: kept(cell) for cell in (FIRST, SECOND)}

    moved = away(world)

    assert (moved.accounts, moved.rows > 20) == (2, True)
    assert directory.of_accounts([world.agency.pk, world.sub.pk]) == {
        world.agency.pk: SECOND,
        world.sub.pk: SECOND,
    }
    assert directory.of_customer(world.agency.stripe_customer) == SECOND
    assert of(Call, SECOND, account=world.sub) == calls
    assert of(LedgerEntry, SECOND, pk__in=[one.pk for one in entries]) == entries
    assert of(Notification, SECOND, account=world.agency) == told
    assert of(Account, FIRST, pk__in=[world.agency.pk, world.sub.pk]) == []
    after = {cell: kept(cell) for cell in (FIRST, SECOND)}
    more = {
        table: after[FIRST][table][0] + after[SECOND][table][0] - count - before[SECOND][table][0]
        for table, (count, _) in before[FIRST].items()
    }
    # Whoever else listens in the first cell needs it, too.
    assert {table: count for table, count in more.items() if count} == {belonging.EVENTS: 1}
    with inside(SECOND):
        told_of = WebhookDelivery.objects.values_list("event__kind", flat=True)
        assert list(told_of) == ["rate.announced"]
    assert charge(world.sub, id=calls[0].external_id) == "conflict"
    assert charge(world.sub) == "charged"
    books_are_in_order()


def test_it_may_move_back_and_reads_its_entries_in_order(world):
    away(world)
    assert charge(world.sub) == "charged"

    moving.move(account_id=world.agency.pk, name=FIRST)

    assert charge(world.sub) == "charged"
    entries = of(LedgerEntry, FIRST, wallet__account=world.sub)
    assert sorted(entries, key=lambda one: one.created_at) == entries
    books_are_in_order()
    away(world)
    assert charge(world.sub) == "charged"
    books_are_in_order()


def test_a_credit_note_keeps_its_number_and_the_cell_goes_on_counting(world):
    [note] = of(Reversal, FIRST, purchase__payer=world.agency)
    away(world)
    with inside(SECOND):
        paid = buy(Wallet.objects.get(account=world.agency))
        refunds.settle_refund_from(found=refunded_outside(paid, 500))
    with inside(FIRST):
        highest = Reversal.objects.order_by("-credit_note_number").first()

    notes = of(Reversal, SECOND, purchase__payer=world.agency)
    numbers = {one.credit_note_number for one in notes}
    assert note.credit_note_number in numbers
    assert max(numbers) > 10**9
    assert highest is None or highest.credit_note_number != note.credit_note_number


def test_triggers_guard_what_has_moved(world):
    away(world)

    with inside(SECOND), pytest.raises(DatabaseError), transaction.atomic():
        LedgerEntry.objects.filter(wallet__account=world.sub).delete()


STEPS = [
    (moving, "_move_rows"),
    (proving, "compare"),
    (proving, "books"),
    (proving, "compare_books"),
    (numbering, "count_above"),
]


@pytest.mark.parametrize(("module", "name"), STEPS)
@pytest.mark.parametrize("error", [KeyboardInterrupt, Refused])
def test_what_ends_in_the_middle_has_changed_nothing_and_may_be_done_again(
    world, monkeypatch, module, name, error
):
    before = [kept(cell) for cell in (FIRST, SECOND)]
    do = getattr(module, name)

    def ends(*args, **kwargs):
        do(*args, **kwargs)
        raise error("in the middle")

    with monkeypatch.context() as patched, pytest.raises(error):
        patched.setattr(module, name, ends)
        away(world)

    assert [kept(cell) for cell in (FIRST, SECOND)] == before
    assert directory.of_account(world.agency.pk) == FIRST
    assert charge(world.sub) == "charged"
    assert away(world).accounts == 2


TAMPERED = [
    ("campaigns_call", "UPDATE {target}.campaigns_call SET seconds = seconds + 1", "or others"),
    ("campaigns_call", "DELETE FROM {target}.campaigns_call", "0 came"),
    (
        "wallets_wallet",
        "UPDATE {target}.wallets_wallet SET credit = credit + 1",
        "or others",
    ),
    (
        "campaigns_campaign",
        "INSERT INTO {source}.campaigns_call SELECT * FROM {target}.campaigns_call"
        " WHERE account_id IN (SELECT id FROM moving)",
        "was written meanwhile",
    ),
]


@pytest.mark.parametrize(("table", "change", "sentence"), TAMPERED)
def test_what_differs_takes_all_back(world, monkeypatch, table, change, sentence):
    before = [kept(cell) for cell in (FIRST, SECOND)]
    move_rows = moving._move_rows

    def changed(cursor, moved, **cells):
        found = move_rows(cursor, moved, **cells)
        if moved == table:
            cursor.execute(change.format(**cells))
        return found

    monkeypatch.setattr(moving, "_move_rows", changed)
    with pytest.raises(Refused, match=sentence):
        away(world)

    assert [kept(cell) for cell in (FIRST, SECOND)] == before


def test_what_names_something_that_did_not_come_takes_all_back(world, monkeypatch):
    before = [kept(cell) for cell in (FIRST, SECOND)]
    monkeypatch.setattr(moving, "_COPY_EVENTS", "SELECT 1")

    with pytest.raises(Refused, match="event_id: a row names what did not come"):
        away(world)

    assert [kept(cell) for cell in (FIRST, SECOND)] == before


def test_a_mover_whose_connection_is_cut_has_changed_nothing(world, monkeypatch):
    before = [kept(cell) for cell in (FIRST, SECOND)]

    def cut(cursor, *args, **cells):
        cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    with monkeypatch.context() as patched, pytest.raises(OperationalError):
        patched.setattr(proving, "compare", cut)
        away(world)

    assert [kept(cell) for cell in (FIRST, SECOND)] == before
    assert directory.of_account(world.agency.pk) == FIRST
    assert away(world).accounts == 2


def test_a_role_that_may_not_switch_triggers_off_is_told_so(world, monkeypatch):
    before = [kept(cell) for cell in (FIRST, SECOND)]
    with connection.cursor() as cursor:
        cursor.execute("CREATE ROLE of_tables")
    off = proving.NO_TRIGGERS
    monkeypatch.setattr(proving, "NO_TRIGGERS", f"SET LOCAL ROLE of_tables; {off}")

    with pytest.raises(Refused, match="GRANT SET ON PARAMETER session_replication_role"):
        away(world)

    assert [kept(cell) for cell in (FIRST, SECOND)] == before
    with connection.cursor() as cursor:
        cursor.execute("DROP ROLE of_tables")


def test_books_that_differ_take_all_back(world, monkeypatch):
    before = [kept(cell) for cell in (FIRST, SECOND)]
    books = proving.books
    monkeypatch.setattr(
        proving,
        "books",
        lambda cursor, cell: books(cursor, cell) + ([("I1", 1, "wrong")] if cell == SECOND else []),
    )

    with pytest.raises(Refused, match="The books differ"):
        away(world)

    assert [kept(cell) for cell in (FIRST, SECOND)] == before


def test_what_cannot_move_is_refused_with_a_sentence(world):
    before = [kept(cell) for cell in (FIRST, SECOND)]
    for account, cell, sentence in (
        (uuid.uuid4(), SECOND, "no account"),
        (world.agency.pk, "third", "no cell third"),
        (world.sub.pk, SECOND, f"move {world.agency.pk}"),
    ):
        with pytest.raises(CommandError, match=sentence):
            call_command("cells", "move", str(account), cell)

    assert [kept(cell) for cell in (FIRST, SECOND)] == before


def test_of_two_movers_the_second_changes_nothing(world, monkeypatch):
    goes = moving._goes

    def first_goes(*which):
        accounts = goes(*which)
        with monkeypatch.context() as patched:
            patched.setattr(moving, "_goes", goes)
            away(world)
        return accounts

    monkeypatch.setattr(moving, "_goes", first_goes)
    with pytest.raises(Refused, match="has just moved"):
        away(world)

    assert directory.of_account(world.sub.pk) == SECOND
    assert charge(world.sub) == "charged"
    books_are_in_order()


def test_a_second_mover_is_refused_and_the_account_stays_away_for_the_first(world, monkeypatch):
    compare = proving.compare

    def another(*args, **cells):
        with ThreadPoolExecutor(1) as pool, pytest.raises(Refused, match="Somebody is moving it"):
            pool.submit(elsewhere, lambda: away(world)).result(30)
        with ThreadPoolExecutor(1) as pool, pytest.raises(Moving):
            where = partial(directory.of_account, world.agency.pk)
            pool.submit(elsewhere, where).result(30)
        return compare(*args, **cells)

    monkeypatch.setattr(proving, "compare", another)
    away(world)

    assert directory.of_account(world.sub.pk) == SECOND
    assert charge(world.sub) == "charged"
    books_are_in_order()


def test_an_account_that_is_not_where_it_is_noted_is_refused(world):
    CellOfAccount.objects.create(account_id=(nobody := uuid.uuid4()), cell_id=1)

    with pytest.raises(Refused, match=f"{nobody} is not in first"):
        moving.move(account_id=nobody, name=SECOND)

    assert directory.of_account(nobody) == FIRST
    assert directory.of_account(world.agency.pk) == FIRST


def test_a_call_whose_id_the_other_cell_has_keeps_the_agency_where_it_is(world):
    other = wallet_in(SECOND, credit="10")
    assert charge(world.sub, id="the same") == charge(other.account_id, id="the same") == "charged"
    before = [kept(cell) for cell in (FIRST, SECOND)]

    with pytest.raises(Refused, match="has one of its rows already"):
        away(world)

    assert [kept(cell) for cell in (FIRST, SECOND)] == before


@pytest.mark.usefixtures("kept_cells")
def test_the_command_says_what_it_did():
    wallet = wallet_in(FIRST, credit="11.00")
    out = StringIO()

    for _ in range(2):
        call_command("cells", "move", str(wallet.account_id), SECOND, stdout=out)

    first, second = out.getvalue().splitlines()
    assert first.startswith("1 accounts with ")
    assert second == f"{wallet.account_id} is in {SECOND} already. Nothing was changed."
    with inside(SECOND):
        assert Wallet.objects.get(account_id=wallet.account_id).credit.amount == Decimal(11)
