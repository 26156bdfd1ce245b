"""The first cell takes everything that is an account's with it, and others are made like it."""

import re
from io import StringIO
from threading import Event, Thread

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from accounts.cells.place import inside
from accounts.models import AuditEntry, Cell, CellOfAccount, CellOfCustomer, CellOfPerson
from accounts.tests.builders import make_individual, make_user
from tests.two_cells import FIRST, SECOND, structure, undivided
from thinkrr_billing.cells import adding, beginning, copying, homes
from thinkrr_billing.cells.beginning import Refused
from thinkrr_billing.tests.roles import ROLE, asked, sql
from wallets.balances.opening import open_wallet
from wallets.models import LedgerEntry, Wallet
from wallets.tests.worlds.builders import fill

pytestmark = [pytest.mark.journey, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def _one_database(django_db_blocker):
    with django_db_blocker.unblock(), undivided("begun"):
        yield


one_database = pytest.mark.usefixtures("_one_database")


def in_cells(settings):
    """As a process that is started anew."""
    connection.close()
    settings.CELLS = True


@one_database
def test_everything_of_an_account_is_in_the_first_cell(settings):
    account = make_individual(owner=(owner := make_user()))
    wallet = open_wallet(account=account)
    account.stripe_customer, account.former_customers = "cus_new", ["cus_old"]
    account.save()
    fill(wallet, credit="20")

    beginning.begin(name=FIRST)

    in_cells(settings)
    with inside(FIRST):
        fill(Wallet.objects.get(), credit="5")
        assert Wallet.objects.get().credit.amount == 25
        assert LedgerEntry.objects.count() == 2
        assert AuditEntry.objects.filter(table="accounts_account").exists()
    assert not AuditEntry.objects.exists()
    assert [(one.account_id, one.cell.name) for one in CellOfAccount.objects.all()] == [
        (account.pk, FIRST)
    ]
    customers = CellOfCustomer.objects.order_by("customer")
    assert [one.customer for one in customers] == ["cus_new", "cus_old"]
    assert [(one.person, one.cell.name) for one in CellOfPerson.objects.all()] == [(owner, FIRST)]


@one_database
def test_nothing_is_lost_and_nothing_is_made_up():
    before = structure("public")

    beginning.begin(name=FIRST)

    public, cell = structure("public"), structure("cell_first")
    assert not [one for one in before if one not in {*public, *cell} and not _is_changed(one)]
    assert not [one for one in {*public, *cell} if one not in before and not _is_changed(one)]


def _is_changed(text):
    """Keys that lead from the one into the other, and what tells every cell of a rate."""
    return "FOREIGN KEY" in text or "wallets_tell_of_rate()" in text


@one_database
def test_a_cell_is_made_like_the_first():
    beginning.begin(name=FIRST)

    for name in (SECOND, "third"):
        cell = adding.add(name=name)
        assert plain(structure(f"cell_{name}")) == plain(structure("cell_first"))

    assert [(one.number, one.name) for one in Cell.objects.all()] == [
        (1, FIRST),
        (2, SECOND),
        (3, "third"),
    ]
    assert cell.number == 3


def plain(texts):
    """Without casts, which PostgreSQL writes elsewhere once it has read its own text."""
    return sorted(re.sub(r"::[a-z ]+(\[\])?|[()]", "", text) for text in texts)


@one_database
def test_no_two_cells_have_a_row_of_the_same_key(settings):
    beginning.begin(name=FIRST)
    adding.add(name=SECOND)
    in_cells(settings)

    keys = []
    for cell in (FIRST, SECOND):
        with inside(cell):
            keys.append(open_wallet(account=make_individual()).pk)

    assert keys[0] < copying.KEYS_OF_A_CELL < keys[1]


@one_database
def test_a_table_that_is_in_use_is_waited_for_briefly(monkeypatch):
    monkeypatch.setattr(beginning, "LOCK_SECONDS", 1)
    before = structure("public")
    reads, done = Event(), Event()

    def read():
        with transaction.atomic():
            Wallet.objects.exists()
            reads.set()
            done.wait(30)
        connection.close()

    reader = Thread(target=read)
    reader.start()
    reads.wait(30)
    try:
        with pytest.raises(CommandError, match="A table was in use for"):
            said("begin", FIRST)
    finally:
        done.set()
        reader.join()

    assert structure("public") == before
    assert not Cell.objects.exists()


@pytest.mark.parametrize("name", ["", "First", "1st", "a-b", "a" * 32, "x; DROP", "a\n"])
def test_what_is_no_name_is_refused_before_anything_is_asked(name):
    for make in (beginning.begin, adding.add):
        with pytest.raises(Refused, match="small letters, digits"):
            make(name=name)


@one_database
def test_begin_comes_once_and_first():
    with pytest.raises(Refused, match="There are no cells yet"):
        adding.add(name=SECOND)
    beginning.begin(name=FIRST)

    with pytest.raises(Refused, match="There are cells already: first is the first"):
        beginning.begin(name=SECOND)
    with pytest.raises(Refused, match="There is a cell first already"):
        adding.add(name=FIRST)

    assert Cell.objects.count() == 1


@one_database
def test_tables_of_another_release_are_not_divided():
    last = "SELECT max(id) FROM django_migrations WHERE app = 'wallets'"
    sql(f"DELETE FROM django_migrations WHERE id = ({last})")

    with pytest.raises(Refused, match=r"run `manage\.py migrate` first"):
        beginning.begin(name=FIRST)

    assert not Cell.objects.exists()


def said(*arguments):
    out = StringIO()
    call_command("cells", *arguments, stdout=out)
    return out.getvalue().splitlines()


@one_database
def test_the_command_begins_adds_and_lists():
    make_individual()
    assert said("list") == ["There are no cells: all accounts are in one place."]

    [begun] = said("begin", FIRST)
    assert begun.endswith("with CELLS=True: without it they find no account.")
    assert said("add", SECOND) == ["Cell 2, second, is there, and empty."]

    assert said("list") == ["1 first: 1 accounts", "2 second: 0 accounts"]
    with pytest.raises(CommandError, match="There are cells already"):
        said("begin", "third")
    assert Cell.objects.count() == 2


@one_database
def test_whoever_might_use_the_tables_may_do_so_in_every_cell():
    sql(f"CREATE ROLE {ROLE}")
    try:
        sql(
            f"GRANT USAGE ON SCHEMA public TO {ROLE}",
            f"GRANT SELECT, INSERT ON wallets_ledgerentry, accounts_auditentry TO {ROLE}",
            f"GRANT USAGE ON SEQUENCE wallets_ledgerentry_id_seq TO {ROLE}",
        )
        beginning.begin(name=FIRST)
        adding.add(name=SECOND)

        for cell in ("cell_first", "cell_second"):
            for table in ("wallets_ledgerentry", "accounts_auditentry"):
                assert may(f"{cell}.{table}") == [True, True, False, False]
            keys = f"{cell}.wallets_ledgerentry_id_seq"
            assert asked(f"SELECT has_schema_privilege('{ROLE}', '{cell}', 'USAGE')")
            assert asked(f"SELECT has_sequence_privilege('{ROLE}', '{keys}', 'USAGE')")
        assert may("public.accounts_auditentry") == [True, True, False, False]
        assert may("cell_second.wallets_wallet") == [False] * 4
    finally:
        sql(f"DROP OWNED BY {ROLE}", f"DROP ROLE {ROLE}")


def may(table):
    rights = ("SELECT", "INSERT", "UPDATE", "DELETE")
    return [asked(f"SELECT has_table_privilege('{ROLE}', '{table}', '{r}')") for r in rights]


@one_database
def test_every_table_stands_where_it_is_at_home():
    beginning.begin(name=FIRST)

    with connection.cursor() as cursor:
        cursor.execute("SELECT schemaname::text, tablename::text FROM pg_tables")
        found = {schema: set() for schema in ("public", "cell_first")}
        for schema, table in cursor.fetchall():
            if schema in found:
                found[schema].add(table)
    everywhere = {"public": homes.Home.CELL, "cell_first": homes.Home.GLOBAL}
    for schema, elsewhere in everywhere.items():
        assert found[schema] == {n for n, home in homes.tables().items() if home is not elsewhere}
