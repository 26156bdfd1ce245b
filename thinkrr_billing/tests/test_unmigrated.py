"""Whether the database is behind is told by names, as Django would tell it by what it loads."""

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from tests.databases import as_owner
from thinkrr_billing import unmigrated
from thinkrr_billing.tests.environments import said_by


def test_the_files_of_this_code_are_what_django_would_load():
    loader = MigrationLoader(None)

    assert unmigrated.of_this_code() == loader.disk_migrations.keys()
    assert ("wallets", "0001_initial") in unmigrated.of_this_code()


def plan() -> list:
    executor = MigrationExecutor(connection)
    return executor.migration_plan(executor.loader.graph.leaf_nodes())


@pytest.mark.django_db
def test_a_database_is_behind_as_long_as_django_would_migrate_it():
    assert (unmigrated.is_behind(), plan()) == (False, [])

    for app in ("wallets", "campaigns", "auth"):
        last = max(name for label, name in unmigrated.of_this_code() if label == app)
        with as_owner():
            MigrationRecorder(connection).record_unapplied(app, last)
        assert (unmigrated.is_behind(), len(plan())) == (True, 1)
        with as_owner():
            MigrationRecorder(connection).record_applied(app, last)


@pytest.mark.django_db
def test_a_database_of_newer_code_is_not_behind():
    with as_owner():
        MigrationRecorder(connection).record_applied("wallets", "9999_of_newer_code")

    assert not unmigrated.is_behind()


def test_whoever_asks_keeps_no_migration_in_memory():
    code = (
        "import django, sys; django.setup()\n"
        "from thinkrr_billing import health, unmigrated\n"
        "assert len(unmigrated.of_this_code()) > 100\n"
        "print(*(name for name in sys.modules if '.migrations.0' in name))"
    )

    loaded = said_by(code, DJANGO_SETTINGS_MODULE="thinkrr_billing.settings")

    assert loaded.split() == []
