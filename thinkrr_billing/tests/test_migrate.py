"""`manage.py migrate` while somebody has a table in use: nobody is kept waiting behind it."""

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection, migrations
from django.db.migrations.loader import MigrationLoader

from tests.databases import as_owner
from thinkrr_billing.management.commands import migrate

pytestmark = pytest.mark.django_db(transaction=True)

LAST = ("campaigns", "9999_touches_a_table")


@pytest.fixture
def pending(monkeypatch):
    """One migration more than is applied."""
    add = "ALTER TABLE campaigns_call ADD COLUMN touched int NULL"
    build = MigrationLoader.build_graph

    def with_one_more(self):
        build(self)
        (leaf,) = self.graph.leaf_nodes("campaigns")
        new = migrations.Migration(LAST[1], LAST[0])
        new.dependencies, new.operations = [leaf], [migrations.RunSQL(add)]
        self.graph.add_node(LAST, new)
        self.graph.add_dependency(new, LAST, leaf)
        if LAST in self.applied_migrations:
            self.disk_migrations[LAST] = new

    monkeypatch.setattr(MigrationLoader, "build_graph", with_one_more)
    monkeypatch.setattr(migrate, "LOCK_SECONDS", 0.2)
    yield
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE campaigns_call DROP COLUMN IF EXISTS touched")
        cursor.execute("DELETE FROM django_migrations WHERE name = %s", [LAST[1]])


def columns() -> set[str]:
    with connection.cursor() as cursor:
        table = connection.introspection.get_table_description(cursor, "campaigns_call")
    return {column.name for column in table}


@pytest.mark.usefixtures("pending")
def test_a_table_in_use_is_left_alone_and_the_same_command_goes_on_later():
    facts = connection.get_connection_params()
    known = {
        key: facts[key] for key in ("host", "port", "user", "password", "dbname") if key in facts
    }
    with psycopg.connect(**known) as reader, as_owner():
        reader.execute("SELECT 1 FROM campaigns_call")
        with pytest.raises(CommandError, match="Run migrate again"):
            call_command("migrate", "campaigns", verbosity=0)
        assert "touched" not in columns()

    with as_owner():
        call_command("migrate", "campaigns", verbosity=0)

    assert "touched" in columns()
