"""The application's database role reads and writes, and cannot change what has happened."""

import pytest
from django.apps import apps
from django.db import DatabaseError, connection

from accounts.kept import Rows
from thinkrr_billing import database_role
from thinkrr_billing.tests.roles import acting_as, asked, make_role, refused, sql
from wallets.models import Wallet
from wallets.tests.worlds.builders import make_wallet

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("owner"), pytest.mark.journey]

TABLES = sorted(database_role.tables().items())
DDL = (
    "TRUNCATE {}",
    "TRUNCATE {} CASCADE",
    "DROP TABLE {}",
    "ALTER TABLE {} ADD COLUMN more int",
    "ALTER TABLE {} DISABLE TRIGGER ALL",
    "ALTER TABLE {} DISABLE TRIGGER USER",
    "ALTER TABLE {} OWNER TO CURRENT_USER",
    "CREATE INDEX sneaked ON {} ((1))",
    "CREATE RULE sneaked AS ON INSERT TO {} DO INSTEAD NOTHING",
)


@pytest.fixture
def role():
    return make_role()


def columns(table):
    with connection.cursor() as cursor:
        return [one.name for one in connection.introspection.get_table_description(cursor, table)]


@pytest.mark.parametrize(("table", "rows"), TABLES)
def test_of_each_table_only_what_its_rows_allow_is_permitted(role, table, rows):
    column = columns(table)[0]
    writes = {
        "SELECT": f"SELECT count(*) FROM {table}",
        "INSERT": f"INSERT INTO {table} SELECT * FROM {table} WHERE false",
        "UPDATE": f"UPDATE {table} SET {column} = {column}",
        "DELETE": f"DELETE FROM {table} WHERE false",
    }
    assert set(rows.value) <= set(writes)

    for right, statement in writes.items():
        if right in rows.value:
            with acting_as(role):
                sql(statement + (" WHERE false" if right == "UPDATE" else ""))
        else:
            refused(role, statement)


@pytest.mark.parametrize("table", [name for name, _ in TABLES])
def test_nobody_empties_drops_or_alters_a_table_or_turns_its_triggers_off(role, table):
    for statement in DDL:
        refused(role, statement.format(table))


def test_no_trigger_is_dropped_or_turned_off_and_none_is_made(role):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgrelid::regclass::text, tgname FROM pg_trigger WHERE NOT tgisinternal"
        )
        triggers = cursor.fetchall()
    assert ("wallets_ledgerentry", "wallets_entries_append_only") in triggers

    for table, name in triggers:
        refused(role, f"DROP TRIGGER {name} ON {table}")
        refused(role, f"ALTER TABLE {table} DISABLE TRIGGER {name}")
    for table, _ in TABLES:
        refused(
            role,
            f"CREATE TRIGGER a_sneaked BEFORE INSERT ON {table}"
            " FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
        )


@pytest.mark.parametrize(
    "statement",
    [
        "SET session_replication_role = replica",
        "SET LOCAL session_replication_role = replica",
        "CREATE TABLE mine (id int)",
        "CREATE TEMPORARY TABLE wallets_wallet (id int)",
        "CREATE SCHEMA mine",
        "CREATE ROLE mine",
        "CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE OR REPLACE FUNCTION wallets_forbid_change() RETURNS trigger LANGUAGE plpgsql"
        " AS 'BEGIN RETURN NEW; END'",
        "DROP FUNCTION wallets_forbid_change() CASCADE",
        "SELECT setval('wallets_receipt_number', 1)",
        "DROP SEQUENCE wallets_receipt_number",
        "COPY wallets_minuterate TO PROGRAM 'true'",
    ],
)
def test_no_way_round_the_rights_is_open(role, statement):
    refused(role, statement)

    assert database_role.differences(role) == []


def test_what_the_role_has_it_cannot_hand_on(role):
    """PostgreSQL only warns of it."""
    sql("CREATE ROLE other")

    with acting_as(role):
        sql("GRANT INSERT ON wallets_ledgerentry TO other")

    assert not asked("SELECT has_table_privilege('other', 'wallets_ledgerentry', 'INSERT')")


def test_the_next_receipt_and_row_still_get_their_numbers(role):
    with acting_as(role):
        assert asked("SELECT nextval('wallets_receipt_number')") > 1000
        price = asked(
            "INSERT INTO wallets_minuterate (minute_type, price, currency, effective_from,"
            " created_at) VALUES ('basic', 1, 'USD', now(), now()) RETURNING price"
        )

    assert price == 1


def test_what_triggers_keep_is_what_the_rows_say():
    """A trigger with a condition keeps some columns only, and says nothing of the rest."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgrelid::regclass::text, bool_or(tgtype & 16 > 0), bool_or(tgtype & 8 > 0)"
            " FROM pg_trigger JOIN pg_proc p ON p.oid = tgfoid"
            " WHERE p.proname ~ '_forbid_(call_)?change$' AND tgqual IS NULL AND tgtype & 32 = 0"
            " GROUP BY 1"
        )
        kept = {table: (update, delete) for table, update, delete in cursor.fetchall()}

    assert {table for table, (update, _) in kept.items() if update} == {
        "accounts_auditentry",
        "campaigns_call",
        "wallets_ledgerentry",
        "wallets_minuterate",
        "wallets_parties",
        "wallets_seller",
    }
    its = database_role.tables()
    for table, (update, delete) in kept.items():
        assert its[table] is (Rows.WRITTEN_ONCE if update else Rows.NEVER_DELETED)
        assert delete


def test_somebody_has_decided_about_the_tables_of_every_app():
    found = {model._meta.app_label for model in apps.get_models()}

    assert found == {*database_role.OURS, *database_role.OTHERS}


def test_the_triggers_work_for_the_role(role):
    """They run with its rights: an entry moves its pot, a change of people is noted."""
    with acting_as(role):
        wallet = make_wallet(credit="5")

    wallet.refresh_from_db()
    assert wallet.credit.amount == 5
    with pytest.raises(DatabaseError, match="moved by entries only"), acting_as(role):
        Wallet.objects.update(credit=6)
