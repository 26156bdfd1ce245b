"""`make bench`: metering and pages, in databases of its own that are dropped afterwards.

`python -m benchmarks pages` runs that one alone; `admin`, `http`, `cells`, `memory`, `growth`,
`nightly`, `charging`, `scaling`, `partitions` and `webhooks` are run only when they are named. Some
take sizes: `growth wallets=100000`, `memory loads=10`.
"""

import os
import sys
from functools import partial

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
    from benchmarks import (
        admin,
        cells,
        charging,
        growth,
        http,
        memory,
        metering,
        nightly,
        pages,
        partitions,
        scaling,
        webhooks,
    )
    from thinkrr_billing.memory import keep_what_is_loaded

    asked = [word for word in sys.argv[1:] if "=" not in word] or ["metering", "pages"]
    sizes = {name: int(size) for name, size in (w.split("=") for w in sys.argv[1:] if "=" in w)}
    every = {
        "pages": pages.run,
        "admin": admin.run,
        "webhooks": webhooks.run,
        "charging": partial(charging.run, **sizes),
        "partitions": partial(partitions.run, **sizes),
    }
    # As web and workers do.
    keep_what_is_loaded()

    # These make databases of their own, one for each of their sides.
    apart = {
        "metering": metering.run,
        "http": http.run,
        "memory": memory.run,
        "growth": growth.run,
        "nightly": nightly.run,
        "scaling": scaling.run,
        "cells": cells.run,
    }
    for name in asked:
        if name in apart:
            apart[name](**sizes)
    if not set(asked) - set(apart):
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
