"""`make bench`: metering and pages, in databases of its own that are dropped afterwards.

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

    every = {"pages": pages.run, "admin": admin.run}
    asked = sys.argv[1:] or ["metering", "pages"]
    # As web and workers do.
    keep_what_is_loaded()

    # Makes databases of its own, one for each of its sides.
    if "metering" in asked:
        metering.run()
    if asked == ["metering"]:
        return
    connection.settings_dict["TEST"]["NAME"] = DATABASE
    before = connection.settings_dict["NAME"]
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    try:
        for name in asked:
            if name in every:
                every[name]()
    finally:
        connection.creation.destroy_test_db(before, verbosity=0)


if __name__ == "__main__":
    main()
