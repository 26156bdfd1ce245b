"""The parts of the fault suite, started once a test process and put right after every test."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection

from accounts.runtime import crash_points
from tests.databases import has_test_database
from tests.faults.harness import Plant
from thinkrr_billing.sandbox.stripe.process import StripeSandbox


@pytest.fixture(scope="session")
def built_plant(django_db_setup: None, django_db_blocker: object) -> Iterator[Plant]:  # noqa: ARG001
    # Not in pytest's own folder: each pytest that starts closes that to PostgreSQL's user.
    folder = Path(tempfile.mkdtemp(prefix="thinkrr-plant-"))
    found = Plant(folder)
    found.redis.start()
    found.postgres.start()
    found.postgres.create_database()
    if has_test_database():
        found.postgres.copy_tables_of(connection.settings_dict)
    # Nothing is left to do where tables could be copied.
    with django_db_blocker.unblock(), found.database():
        call_command("migrate", verbosity=0)
    yield found
    found.stop()
    shutil.rmtree(folder)


@pytest.fixture
def plant(built_plant: Plant, stripe: StripeSandbox, django_db_blocker: object) -> Iterator[Plant]:  # noqa: ARG001
    """An empty database, an empty queue and an empty Stripe; no process of ours runs yet."""
    with django_db_blocker.unblock(), built_plant.database():
        call_command("flush", interactive=False, verbosity=0)
        built_plant.redis.client.flushall()
        yield built_plant
        built_plant.stop_apps()
        built_plant.redis.thaw()
        if not built_plant.redis.is_running:
            built_plant.redis.start()
        if not (built_plant.postgres.is_running and built_plant.postgres.is_usual):
            connection.close()
            built_plant.postgres.restart()


@pytest.fixture(autouse=True)
def no_hooks() -> Iterator[None]:
    yield
    for name in crash_points.POINTS:
        crash_points.hook(name, None)
