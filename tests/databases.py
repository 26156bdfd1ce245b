"""Which database a test session speaks to, and how every test process comes by its tables."""

import os
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module

from django.conf import settings
from django.core.management.commands import flush
from django.db import connection
from django.db.backends.base.creation import TEST_DATABASE_PREFIX
from django.db.backends.postgresql.creation import DatabaseCreation
from django.db.backends.postgresql.operations import DatabaseOperations
from psycopg.pq import TransactionStatus

from thinkrr_billing import database_role

# Nobody else locks by number.
_LOCK = 1
# The processes of one run know each other by this.
_RUN = os.environ.get("PYTEST_XDIST_TESTRUNUID") or uuid.uuid4().hex
# Tests then act as this role, with the rights of the application's; without it as the owner.
AS_ROLE = os.environ.get("TEST_AS_ROLE", "")
_create = DatabaseCreation.create_test_db
_truncate = DatabaseOperations.sql_flush
_empty = flush.Command.handle

# Those that refuse to be emptied, and those that write it down.
_WATCHED = """
DO $$ DECLARE name regclass; BEGIN
    FOR name IN SELECT DISTINCT tgrelid::regclass FROM pg_trigger WHERE tgtype & 32 > 0 LOOP
        EXECUTE format('ALTER TABLE %s {} TRIGGER USER', name);
    END LOOP;
END $$
"""
_DELETE = """
DO $$ DECLARE name text; BEGIN
    FOREACH name IN ARRAY ARRAY[{}] LOOP
        EXECUTE format('DELETE FROM %I', name);
    END LOOP;
END $$
"""


def has_test_database() -> bool:
    """None is made when no chosen test wants one: the connection then is the developer's own."""
    return connection.settings_dict["NAME"].startswith(TEST_DATABASE_PREFIX)


def copy_tables() -> None:
    """From now on the first test process of a run migrates, and each takes a copy. Call once.

    A copy is empty, whatever a run before left behind; only what is copied from is kept.
    """
    DatabaseCreation.create_test_db = _copy


def _copy(self: DatabaseCreation, *args: object, keepdb: bool = False, **kwargs: object) -> str:
    facts = self.connection.settings_dict
    name, tables = self._get_test_db_name(), f"tables_of_{facts['NAME']}"
    with self._nodb_cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
        if not _is_of_this_run(cursor, tables):
            if not keepdb:
                cursor.execute(f"DROP DATABASE IF EXISTS {self._quote_name(tables)} WITH (FORCE)")
            facts["TEST"]["NAME"] = tables
            _create(self, *args, keepdb=True, **kwargs)
            self.connection.close()
            cursor.execute(f"COMMENT ON DATABASE {self._quote_name(tables)} IS '{_RUN}'")
        cursor.execute(f"DROP DATABASE IF EXISTS {self._quote_name(name)} WITH (FORCE)")
        self._execute_create_test_db(
            cursor,
            {
                "dbname": self._quote_name(name),
                "suffix": self._get_database_create_suffix(template=tables),
            },
        )
        # Nothing of a test need survive a power cut.
        cursor.execute(f"ALTER DATABASE {self._quote_name(name)} SET synchronous_commit = off")
        if AS_ROLE and not _is_role(cursor):
            cursor.execute(f"CREATE ROLE {self._quote_name(AS_ROLE)}")
    settings.DATABASES[self.connection.alias]["NAME"] = facts["NAME"] = facts["TEST"]["NAME"] = name
    if AS_ROLE:
        database_role.grant(AS_ROLE)
        self.connection.close()
        facts["OPTIONS"]["assume_role"] = AS_ROLE
    return name


def _is_role(cursor: object) -> bool:
    cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [AS_ROLE])
    return cursor.fetchone() is not None


def _is_of_this_run(cursor: object, tables: str) -> bool:
    cursor.execute(
        "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s", [tables]
    )
    return cursor.fetchone() == (_RUN,)


@contextmanager
def as_owner() -> Iterator[None]:
    """What a test does inside, the owner of the tables does, in the same transaction."""
    if not AS_ROLE:
        yield
        return
    _become("NONE")
    try:
        yield
    finally:
        # A rollback to before this began brings the role back, too.
        if connection.connection.info.transaction_status != TransactionStatus.INERROR:
            _become(connection.ops.quote_name(AS_ROLE))


def _become(role: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SET ROLE {role}")


def flush_by_deleting() -> None:
    """From now on the rows of a test with real transactions are deleted. Call once.

    To truncate a hundred tables, most of them empty, takes thirty times as long. Only the owner
    of the tables may: triggers are off. The rates came with the migrations, so they are put back.
    """
    DatabaseOperations.sql_flush = _flush
    flush.Command.handle = _flush_as_owner


def _flush_as_owner(self: flush.Command, **options: object) -> None:
    with as_owner():
        _empty(self, **options)


def _flush(
    self: DatabaseOperations,
    style: object,
    tables: Sequence[str],
    *,
    reset_sequences: bool = False,
    allow_cascade: bool = False,
) -> list[str]:
    # Which cells there are says what schemas there are (`pytest --cells`).
    tables = [name for name in tables if name != "accounts_cell"]
    if not tables:
        return []
    names = ", ".join(f"'{name}'" for name in tables)
    delete = [_DELETE.format(names), "SET CONSTRAINTS ALL IMMEDIATE"]
    if reset_sequences:
        delete = _truncate(self, style, tables, reset_sequences=True, allow_cascade=allow_cascade)
    rates = import_module("wallets.migrations.0002_money_is_append_only").RATES
    return [_WATCHED.format("DISABLE"), *delete, _WATCHED.format("ENABLE"), rates]
