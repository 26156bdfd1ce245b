"""`make bench`: every benchmark, in a database of its own that is dropped afterwards."""

import os

import django
from django.conf import settings

# No tests, so the one process may do without the checks of the command line.
DATABASE = "bench_thinkrr"


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "thinkrr_billing.settings")
    django.setup()
    # With DEBUG Django keeps a copy of every statement.
    settings.DEBUG = False
    settings.ALLOWED_HOSTS = ["testserver"]

    from django.db import connection

    from benchmarks import metering

    connection.settings_dict["TEST"]["NAME"] = DATABASE
    before = connection.settings_dict["NAME"]
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    try:
        metering.run()
    finally:
        connection.creation.destroy_test_db(before, verbosity=0)


if __name__ == "__main__":
    main()
