"""One process of a long run: its own database, its own share of the seeds."""

import logging
import os
import sys

import django

TOLD_EVERY = 500


def play(seeds: range, number: int, liveness: bool) -> list[int]:
    """The seeds that failed."""
    os.environ.setdefault("DEBUG", "True")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "thinkrr_billing.settings")
    django.setup()
    logging.disable(logging.CRITICAL)
    from django.conf import settings
    from django.db import connection

    # As under pytest: Django would keep every query of every seed.
    settings.DEBUG = False
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.DATABASES["default"]["TEST"]["NAME"] = (
        f"simulation_{settings.DATABASES['default']['NAME']}_{number}"
    )
    connection.settings_dict["TEST"]["NAME"] = settings.DATABASES["default"]["TEST"]["NAME"]
    connection.creation.create_test_db(verbosity=0, autoclobber=True, keepdb=True)

    from tests.simulation import liveness as living
    from tests.simulation import run
    from tests.simulation.world import simulated

    failed = []
    run_seed = living.run_seed if liveness else run.run_seed
    with living.living() if liveness else simulated() as world:
        for count, seed in enumerate(seeds, start=1):
            if count % TOLD_EVERY == 0:
                print(f"process {number}: {count} of {len(seeds)} seeds", flush=True)
            try:
                run_seed(world, seed)
            except run.SeedFailed as error:
                failed.append(seed)
                print(error, file=sys.stderr, flush=True)
    return failed
