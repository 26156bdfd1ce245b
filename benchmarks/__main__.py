"""`make bench`: metering and pages, in a database of its own that is dropped afterwards.

`python -m benchmarks pages` runs that one alone; `admin` is run only when it is named.
"""

import os
import sys

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

    import thinkrr_billing.urls  # noqa: F401
    from benchmarks import admin, metering, pages
    from thinkrr_billing.memory import keep_what_is_loaded

    every = {"metering": metering.run, "pages": pages.run, "admin": admin.run}
    asked = sys.argv[1:] or ["metering", "pages"]
    # As web and workers do.
    keep_what_is_loaded()

    connection.settings_dict["TEST"]["NAME"] = DATABASE
    before = connection.settings_dict["NAME"]
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    try:
        # In this order: pages writes entries past the ledger, and metering proves the books.
        for name in sorted(asked, key=list(every).index):
            every[name]()
    finally:
        connection.creation.destroy_test_db(before, verbosity=0)


if __name__ == "__main__":
    main()
