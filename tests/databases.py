"""Which database a test session speaks to, and how every test process comes by its tables."""

import os
import uuid

from django.conf import settings
from django.db import connection
from django.db.backends.base.creation import TEST_DATABASE_PREFIX
from django.db.backends.postgresql.creation import DatabaseCreation

# Nobody else locks by number.
_LOCK = 1
# The processes of one run know each other by this.
_RUN = os.environ.get("PYTEST_XDIST_TESTRUNUID") or uuid.uuid4().hex
_create = DatabaseCreation.create_test_db


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
    settings.DATABASES[self.connection.alias]["NAME"] = facts["NAME"] = facts["TEST"]["NAME"] = name
    return name


def _is_of_this_run(cursor: object, tables: str) -> bool:
    cursor.execute(
        "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s", [tables]
    )
    return cursor.fetchone() == (_RUN,)
