"""`manage.py migrate` in a database with cells: each place gets what is at home there, once."""

from io import StringIO
from threading import Barrier

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, migrations, models
from django.db.migrations.loader import MigrationLoader
from django.test import override_settings

from accounts.cells import place
from accounts.cells.place import inside
from tests.two_cells import FIRST, SECOND, divided
from thinkrr_billing import database_role
from thinkrr_billing.cells import homes, migrating
from thinkrr_billing.cells.homes import Home, NoHome
from thinkrr_billing.tests.roles import ROLE, asked, sql

pytestmark = [
    pytest.mark.journey,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("_cells"),
]

LAST = ("campaigns", "9999_in_every_place")
PLACES = ("public", "cell_first", "cell_second")


@pytest.fixture
def _cells(django_db_blocker):
    routers = override_settings(DATABASE_ROUTERS=["thinkrr_billing.cells.migrating.Router"])
    with django_db_blocker.unblock(), divided("migrated"), routers:
        yield


def pending(monkeypatch, *operations, atomic=True):
    """One migration more than is applied."""
    build = MigrationLoader.build_graph

    def with_one_more(self):
        build(self)
        (leaf,) = self.graph.leaf_nodes("campaigns")
        if leaf == LAST:
            return
        new = migrations.Migration(LAST[1], LAST[0])
        new.dependencies, new.operations, new.atomic = [leaf], list(operations), atomic
        self.graph.add_node(LAST, new)
        self.graph.add_dependency(new, LAST, leaf)
        self.disk_migrations[LAST] = new

    monkeypatch.setattr(MigrationLoader, "build_graph", with_one_more)


def at_home(home, text):
    return migrations.RunSQL(text, hints={migrating.HOME: home})


def migrate(*arguments):
    out = StringIO()
    call_command("migrate", *arguments, stdout=out, verbosity=1)
    return out.getvalue()


def where(relation):
    return [place for place in PLACES if asked(f"SELECT to_regclass('{place}.{relation}')")]


def applied():
    noted = "SELECT count(*) FROM {}.django_migrations WHERE name = '9999_in_every_place'"
    return [asked(noted.format(place)) for place in PLACES]


def test_nothing_is_applied_twice():
    told = migrate()

    assert told.count("No migrations to apply.") == 3
    assert "In the cell first:" in told
    assert "In the cell second:" in told


def test_each_place_gets_what_is_at_home_there(monkeypatch):
    pending(
        monkeypatch,
        at_home(Home.CELL, "CREATE TABLE of_accounts (id int)"),
        at_home(Home.GLOBAL, "CREATE TABLE of_everybody (id int)"),
        at_home(Home.BOTH, "CREATE TABLE of_both (id int)"),
        migrations.AddField("campaign", "more", models.IntegerField(null=True)),
    )

    migrate()

    assert where("of_accounts") == ["cell_first", "cell_second"]
    assert where("of_everybody") == ["public"]
    assert where("of_both") == list(PLACES)
    assert applied() == [1, 1, 1]
    for cell in (FIRST, SECOND):
        with inside(cell):
            assert asked("SELECT count(more) FROM campaigns_campaign") == 0
    assert asked("SHOW search_path") == '"$user", public'


def test_what_can_be_in_no_transaction_is_done_in_each_cell(monkeypatch):
    index = "CREATE INDEX CONCURRENTLY of_calls ON campaigns_call (seconds)"
    pending(monkeypatch, at_home(Home.CELL, index), atomic=False)

    migrate()

    assert where("of_calls") == ["cell_first", "cell_second"]


def test_a_cell_that_failed_is_named_the_others_are_migrated_and_it_goes_on_by_itself(monkeypatch):
    sql("CREATE TABLE cell_first.of_accounts (id int)")
    pending(monkeypatch, at_home(Home.CELL, "CREATE TABLE of_accounts (id int)"))

    with pytest.raises(CommandError, match="The cell first was not migrated: .* already exists"):
        migrate()

    assert applied() == [1, 0, 1]
    sql("DROP TABLE cell_first.of_accounts")

    migrate()

    assert where("of_accounts") == ["cell_first", "cell_second"]
    assert applied() == [1, 1, 1]


def test_cells_are_migrated_at_once(monkeypatch):
    barrier = Barrier(2, timeout=20)

    def wait(_, schema_editor):  # noqa: ARG001
        if place.current():
            barrier.wait()

    meet = migrations.RunPython(wait, hints={migrating.HOME: Home.CELL})
    pending(monkeypatch, meet)

    told = migrate()

    assert applied() == [1, 1, 1]
    # What one has to say stands together.
    first, second = (told.index(f"In the cell {cell}:") for cell in (FIRST, SECOND))
    assert told[max(first, second) :].count("9999_in_every_place... OK") == 1
    assert told.count("9999_in_every_place... OK") == 3


def test_rights_that_one_cell_refuses_are_given_in_the_others():
    sql(f"CREATE ROLE {ROLE}", f"ALTER TABLE cell_first.wallets_wallet OWNER TO {ROLE}")
    try:
        with pytest.raises(database_role.BadRole, match="The cell first: .* who owns tables"):
            database_role.grant(ROLE)

        may = "SELECT has_table_privilege('{}', 'cell_{}.accounts_account', 'SELECT')"
        assert not asked(may.format(ROLE, FIRST))
        assert asked(may.format(ROLE, SECOND))
    finally:
        sql("ALTER TABLE cell_first.wallets_wallet OWNER TO CURRENT_USER")
        sql(f"DROP OWNED BY {ROLE}", f"DROP ROLE {ROLE}")


def test_sql_that_does_not_say_where_it_belongs_is_refused(monkeypatch):
    pending(monkeypatch, migrations.RunSQL("CREATE TABLE of_nobody (id int)"))

    with pytest.raises(CommandError, match="say whose"):
        migrate()

    assert where("of_nobody") == []
    assert applied() == [0, 0, 0]


def test_a_process_that_looks_into_no_cell_migrates_none(monkeypatch, settings):
    pending(monkeypatch, at_home(Home.GLOBAL, "CREATE TABLE of_everybody (id int)"))
    settings.CELLS = False

    with pytest.raises(CommandError, match="set CELLS=True"):
        migrate()

    assert where("of_everybody") == []
    assert applied() == [0, 0, 0]


def test_a_table_that_has_no_home_is_refused(monkeypatch):
    pending(
        monkeypatch,
        migrations.CreateModel("Nowhere", [("id", models.BigAutoField(primary_key=True))]),
    )

    with pytest.raises(CommandError, match=r"campaigns\.nowhere stands 0 times"):
        migrate()

    assert applied() == [0, 0, 0]


def test_the_applications_role_may_in_each_cell_what_it_may_in_one_database():
    sql(f"CREATE ROLE {ROLE}")
    try:
        database_role.grant(ROLE)

        assert database_role.differences(ROLE) == []
        sql(f"GRANT DELETE ON cell_second.wallets_ledgerentry TO {ROLE}")
        assert database_role.differences(ROLE) == ["may DELETE wallets_ledgerentry"]
        sql(f"REVOKE SELECT ON cell_first.wallets_wallet FROM {ROLE}")
        assert "may not SELECT wallets_wallet" in database_role.differences(ROLE)
    finally:
        sql(f"DROP OWNED BY {ROLE}", f"DROP ROLE {ROLE}")


def test_homes_are_found_however_a_name_is_written():
    assert homes.home_of_name("campaigns", "usageday") is Home.CELL
    assert homes.home_of_name("accounts", "User_groups") is Home.GLOBAL
    with pytest.raises(NoHome):
        homes.home_of_name("campaigns", "")
    assert connection.settings_dict["NAME"].startswith("migrated_")
