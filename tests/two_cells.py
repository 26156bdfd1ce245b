"""A database of a test's own that is divided into two cells."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from django.conf import settings
from django.db import connection, transaction
from django.test import override_settings

from accounts.cells import place
from tests.databases import as_owner
from thinkrr_billing.cells import adding, beginning, copying

FIRST, SECOND = "first", "second"
_END = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s"


@contextmanager
def undivided(name: str) -> Iterator[None]:
    """Statements go to a copy of the test's tables, which goes with the block: as its owner, who
    divides it and moves rows."""
    facts = connection.settings_dict
    before, copy = facts["NAME"], f"{name}_{facts['NAME']}"
    role = facts["OPTIONS"].pop("assume_role", None)
    connection.close()
    with connection._nodb_cursor() as cursor:
        cursor.execute(f'DROP DATABASE IF EXISTS "{copy}" WITH (FORCE)')
        # What threads of other tests have left open.
        cursor.execute(_END, [before])
        cursor.execute(f'CREATE DATABASE "{copy}" TEMPLATE "{before}"')
        try:
            facts["NAME"] = copy
            yield
        finally:
            connection.close()
            facts["NAME"] = before
            cursor.execute(f'DROP DATABASE "{copy}" WITH (FORCE)')
            if role:
                facts["OPTIONS"]["assume_role"] = role


@contextmanager
def divided(name: str) -> Iterator[None]:
    """The same, with two cells, as a process with CELLS sees it from outside of both."""
    with undivided(name):
        beginning.begin(name=FIRST)
        adding.add(name=SECOND)
        connection.close()
        with override_settings(CELLS=True):
            yield
            connection.close()


# Whatever would change a row of the first cell fails at once, and says of which table.
_GUARD = """
DO $$ DECLARE name regclass; BEGIN
    CREATE FUNCTION cell_first.untouched() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN
        RAISE EXCEPTION ''% of the first cell would be changed from the second'', TG_TABLE_NAME;
    END';
    FOR name IN SELECT oid FROM pg_class
            WHERE relkind = 'r' AND relnamespace = 'cell_first'::regnamespace LOOP
        EXECUTE format('CREATE TRIGGER untouched BEFORE INSERT OR UPDATE OR DELETE ON %s'
                       ' FOR EACH ROW EXECUTE FUNCTION cell_first.untouched()', name);
    END LOOP;
END $$
"""


def play_in_the_second() -> None:
    """Divide the test database. From now on everything in this process is done in the second cell,
    and whatever would change the first fails (`pytest --cells`)."""
    with as_owner():
        beginning.begin(name=FIRST)
        adding.add(name=SECOND)
        with connection.cursor() as cursor:
            cursor.execute(_GUARD)
    connection.close()
    settings.CELLS = True
    # Threads that tests start begin there, too.
    place._current = ContextVar("cell", default=SECOND)


# Everything a schema has, in words that do not name the schema itself.
_STRUCTURE = """
SELECT format('%%s.%%s %%s not null %%s default %%s identity %%s', t.relname, attname,
              format_type(atttypid, atttypmod), attnotnull, pg_get_expr(adbin, adrelid),
              attidentity)
FROM pg_attribute a JOIN pg_class t ON t.oid = attrelid
    LEFT JOIN pg_attrdef d ON d.adrelid = attrelid AND d.adnum = attnum
WHERE relnamespace = %(schema)s::regnamespace AND relkind = 'r'
    AND attnum > 0 AND NOT attisdropped
UNION ALL SELECT format('%%s: %%s %%s', conrelid::regclass, conname,
                       pg_get_constraintdef(oid, true))
FROM pg_constraint WHERE connamespace = %(schema)s::regnamespace
UNION ALL SELECT concat(pg_get_indexdef(oid, 0, true), reloptions) FROM pg_class
WHERE relnamespace = %(schema)s::regnamespace AND relkind = 'i'
UNION ALL SELECT concat(pg_get_triggerdef(g.oid, true), tgenabled) FROM pg_trigger g
JOIN pg_class t ON t.oid = tgrelid
WHERE NOT tgisinternal AND relnamespace = %(schema)s::regnamespace
UNION ALL SELECT replace(pg_get_functiondef(oid), %(schema)s || '.', '') FROM pg_proc
WHERE pronamespace = %(schema)s::regnamespace
UNION ALL SELECT format('sequence %%s', relname) FROM pg_class
WHERE relnamespace = %(schema)s::regnamespace AND relkind = 'S'
ORDER BY 1
"""


def structure(schema: str) -> list[str]:
    """All that there is in a schema but its rows."""
    with transaction.atomic(), connection.cursor() as cursor:
        return copying.read(cursor, _STRUCTURE, schema, schema=schema)
