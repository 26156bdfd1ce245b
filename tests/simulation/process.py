"""One process of a long run: its own database, its own share of the seeds."""

import logging
import os
import sys
from multiprocessing.sharedctypes import Synchronized

import django

# Seeds that share a world. What they leave behind when they are rolled back fills tables that are
# read whole: after a thousand seeds the database would cost as much as Python.
SHARE = 50
RECLAIM_FROM = 1_000_000  # bytes of a table, with its indexes


def prepare(numbers: Synchronized) -> None:
    """Take a number and make the database of that number. Once in each process, before `play`."""
    with numbers:
        number, numbers.value = numbers.value, numbers.value + 1
    os.environ.setdefault("DEBUG", "True")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "thinkrr_billing.settings")
    django.setup()
    logging.disable(logging.CRITICAL)
    from django.conf import settings
    from django.db import connection

    from thinkrr_billing.memory import look_for_garbage_rarely

    # As under pytest: Django would keep every query of every seed.
    settings.DEBUG = False
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.DATABASES["default"]["TEST"]["NAME"] = (
        f"simulation_{settings.DATABASES['default']['NAME']}_{number}"
    )
    connection.settings_dict["TEST"]["NAME"] = settings.DATABASES["default"]["TEST"]["NAME"]
    connection.creation.create_test_db(verbosity=0, autoclobber=True, keepdb=True)

    from tests.simulation import liveness, run  # noqa: F401

    look_for_garbage_rarely()
    # It sees none of the rows, and would tell the planner that all tables are empty.
    for table in _tables():
        _execute(f"ALTER TABLE {table} SET (autovacuum_enabled = false)")


def play(seeds: range, *, liveness: bool) -> list[int]:
    """The seeds that failed; what each has to say goes to standard error at once."""
    from tests.simulation import liveness as living
    from tests.simulation import run
    from tests.simulation.world import simulated

    _reclaim()
    failed = []
    run_seed = living.run_seed if liveness else run.run_seed
    with living.living() if liveness else simulated() as world:
        _execute(f"ANALYZE {', '.join(_tables())}")
        for seed in seeds:
            try:
                run_seed(world, seed)
            except run.SeedFailed as error:
                failed.append(seed)
                print(error, file=sys.stderr, flush=True)
    return failed


def _reclaim() -> None:
    """Give back the room of rows that never came to be. Outside of transactions."""
    for table in _tables(at_least=RECLAIM_FROM):
        _execute(f"VACUUM FULL {table}")


def _tables(*, at_least: int = 0) -> list[str]:
    """Our tables of so many bytes."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT oid::regclass::text FROM pg_class WHERE relkind = 'r' AND relnamespace = "
            "'public'::regnamespace AND pg_total_relation_size(oid) >= %s",
            [at_least],
        )
        return [name for (name,) in cursor.fetchall()]


def _execute(statement: str) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(statement)
