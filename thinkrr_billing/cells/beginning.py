"""From one database without cells to its first cell, which then has everything."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import connection, transaction

from accounts.cells.place import schema_of
from accounts.models import Cell
from accounts.models.cells import CELL_NAME
from thinkrr_billing import unmigrated
from thinkrr_billing.cells import copying, homes
from thinkrr_billing.cells.homes import CUT, MIGRATIONS, PUBLIC, Home

# Whoever waits for a table makes all others wait behind it.
LOCK_SECONDS = 5
# Of what is in both places `public` gets keys of its own, as if it were a cell.
NUMBER_OF_PUBLIC = 4001

_OURS = """
SELECT p.oid::regprocedure::text FROM pg_proc p WHERE pronamespace = %(schema)s::regnamespace
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
"""
_KEYS_INTO = """
SELECT format('ALTER TABLE %%I DROP CONSTRAINT %%I', conrelid::regclass, conname)
FROM pg_constraint JOIN pg_attribute ON attrelid = conrelid AND attnum = ANY(conkey)
WHERE contype = 'f' AND connamespace = %(schema)s::regnamespace
    AND conrelid::regclass::text || ' ' || attname = ANY(%(cut)s)
"""
# Triggers of what stays, whose functions went with the cell.
_GONE_FROM = """
SELECT format('DROP TRIGGER %%I ON %%s; %%s', tgname, tgrelid::regclass, pg_get_triggerdef(g.oid))
FROM pg_trigger g JOIN pg_class t ON t.oid = tgrelid JOIN pg_proc p ON p.oid = tgfoid
WHERE NOT tgisinternal AND relnamespace = %(schema)s::regnamespace
    AND pronamespace = %(cell)s::regnamespace
"""
# A rate is everybody's: whoever wants to hear of it is in some cell.
_TELL_OF_RATE = """
CREATE OR REPLACE FUNCTION public.wallets_tell_of_rate() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    before text := current_setting('search_path');
    cell text;
BEGIN
    FOR cell IN SELECT 'cell_' || name FROM public.accounts_cell ORDER BY number LOOP
        PERFORM set_config('search_path', cell || ', public', true);
        IF accounts_webhook_wanted(NULL, false, 'rate.announced') THEN
            PERFORM accounts_tell_webhooks(NULL, false, 'rate.announced', jsonb_build_object(
                'minute_type', NEW.minute_type, 'price', NEW.price::text,
                'effective_from', NEW.effective_from));
        END IF;
    END LOOP;
    PERFORM set_config('search_path', before, true);
    RETURN NULL;
END;
$$
"""
_WHERE_ALL_ARE = """
INSERT INTO accounts_cellofaccount (account_id, cell_id) SELECT id, 1 FROM accounts_account;
INSERT INTO accounts_cellofcustomer (customer, cell_id)
    SELECT stripe_customer, 1 FROM accounts_account WHERE stripe_customer IS NOT NULL
    UNION SELECT unnest(former_customers), 1 FROM accounts_account;
INSERT INTO accounts_cellofperson (person_id, cell_id)
    SELECT DISTINCT user_id, 1 FROM accounts_membership;
"""


class Refused(Exception):
    """Nothing was changed. The text says why."""


def begin(*, name: str) -> None:
    """Move everything that is at home in a cell from `public` into the first one, in one
    transaction. Tables move, and no row: it takes as long as their locks.

    Raises Refused; and OperationalError when a table was in use for too long. Nothing is changed
    then.
    """
    check_name(name)
    schema = schema_of(name)
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'")
        _refuse_unready(cursor)
        cursor.execute(f"CREATE SCHEMA {schema}")
        _cut(cursor)
        for table in homes.in_cells():
            if table != MIGRATIONS:
                cursor.execute(f"ALTER TABLE {table} SET SCHEMA {schema}")
        _move_functions(cursor, schema)
        _make_both(cursor, schema)
        copying.begin_series(cursor, schema, number=1)
        copying.look_from(cursor, schema, PUBLIC)
        Cell.objects.create(number=1, name=name)
        cursor.execute(_WHERE_ALL_ARE)
        copying.look_from(cursor, PUBLIC)


def check_name(name: str) -> None:
    """Raises Refused for what is no name of a cell."""
    try:
        CELL_NAME(name)
    except ValidationError as error:
        raise Refused(error.message) from error


def _refuse_unready(cursor: Any) -> None:
    copying.look_from(cursor, PUBLIC)
    if first := Cell.objects.first():
        raise Refused(f"There are cells already: {first} is the first. Nothing was changed.")
    refuse_unmigrated()


def refuse_unmigrated() -> None:
    """Raises Refused where the tables are not those of this code."""
    if unmigrated.is_behind():
        raise Refused("Some migrations were not applied: run `manage.py migrate` first.")


def _cut(cursor: Any) -> None:
    cut = [f"{table} {column}" for table, column in CUT]
    for statement in copying.read(cursor, _KEYS_INTO, PUBLIC, schema=PUBLIC, cut=cut):
        cursor.execute(statement)


def _move_functions(cursor: Any, schema: str) -> None:
    """Triggers of tables that moved keep theirs; what stays gets its own again."""
    for function in copying.read(cursor, _OURS, PUBLIC, schema=PUBLIC):
        cursor.execute(f"ALTER FUNCTION {function} SET SCHEMA {schema}")
    copying.functions(cursor, source=schema, target=PUBLIC)
    for statement in copying.read(cursor, _GONE_FROM, PUBLIC, schema=PUBLIC, cell=schema):
        cursor.execute(statement.replace(f"EXECUTE FUNCTION {schema}.", "EXECUTE FUNCTION "))
    cursor.execute(_TELL_OF_RATE)


def _make_both(cursor: Any, schema: str) -> None:
    """What was kept until now is the cell's; `public` begins anew."""
    both = [n for n, home in homes.tables().items() if home is Home.BOTH and n != MIGRATIONS]
    copying.tables(cursor, both, source=schema, target=PUBLIC, number=NUMBER_OF_PUBLIC)
    copying.tables(cursor, [MIGRATIONS], source=PUBLIC, target=schema, number=1)
    copy_migrations(cursor, source=PUBLIC, target=schema)
    copying.rights(cursor, source=schema, target=PUBLIC)
    copying.rights(cursor, source=PUBLIC, target=schema)


def copy_migrations(cursor: Any, *, source: str, target: str) -> None:
    """Note in one schema what was applied in the other."""
    cursor.execute(
        f"INSERT INTO {target}.{MIGRATIONS} (app, name, applied)"  # nosec B608 # constants of ours
        f" SELECT app, name, applied FROM {source}.{MIGRATIONS} ORDER BY id"
    )
