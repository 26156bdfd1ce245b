"""`python -m benchmarks.sides KIND DATABASE`, in the folder of the build to be measured.

Reads a task a line and answers each with a line of JSON. The kind `world` fills a new database,
`fill` one that is there and empty, `divided` a new one with as many cells as are named behind it,
and all of them end.
"""

import json
import logging
import os
import sys

import django
from django.conf import settings


def main(kind: str, database: str, cells: str = "") -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "thinkrr_billing.settings")
    if kind == "hordak":
        settings.INSTALLED_APPS = [*settings.INSTALLED_APPS, "mptt", "hordak"]
        settings.HORDAK_INTERNAL_CURRENCY = settings.DEFAULT_CURRENCY = "USD"
    django.setup()
    # With DEBUG Django keeps a copy of every statement.
    settings.DEBUG = False
    settings.ALLOWED_HOSTS = ["testserver"]
    logging.disable(logging.WARNING)

    from celery import current_app
    from django.db import connection

    # The processor time is that of one backend.
    connection.settings_dict["CONN_MAX_AGE"] = None
    # What a broker costs is none of metering's.
    current_app.conf.broker_url = "memory://"
    if kind in ("world", "divided"):
        connection.settings_dict["TEST"]["NAME"] = database
        connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
        if kind == "world":
            _world()
        else:
            _divided(int(cells))
    elif kind == "fill":
        _world()
    else:
        connection.settings_dict["NAME"] = database
        _serve(kind)


def _world() -> None:
    from benchmarks.sides import world

    world.prepare()


def _divided(cells: int) -> None:
    from benchmarks.sides import divided

    divided.prepare(cells)


def _serve(kind: str) -> None:
    import thinkrr_billing.urls  # noqa: F401
    from benchmarks.sides import hosts, keys, limit, peers, plain, record, served
    from benchmarks.sides.measuring import at_once, one_after_the_other
    from thinkrr_billing.memory import keep_what_is_loaded
    from wallets.books import checking

    kinds = {
        "record": record.Record,
        "at_once": record.AtOnce,
        "api": record.Api,
        "limit": limit.Limit,
        "plain": plain.Plain,
        "served": served.Served,
        "requests": served.Requests,
        "hosts": hosts.Hosts,
        "hordak": peers.Hordak,
        "pgledger": peers.Pgledger,
    }
    if kind == "cells":
        # Not there in every build that is measured.
        from benchmarks.sides import divided

        kinds["cells"] = divided.Divided
    side = kinds[kind]()
    # As web and workers do.
    keep_what_is_loaded()
    for line in sys.stdin:
        task = json.loads(line)
        if task["do"] == "books":
            # No worker runs here, so that recharges wait for longer than I8 allows.
            broken = [str(one) for one in checking.check_all()]
            found: object = [sentence for sentence in broken if not sentence.startswith("I8")]
        elif task["do"] == "keys":
            found = keys.give_back()
        elif (do := task.pop("do")) == "hot":
            found = at_once(side, **task)
        elif do in ("requests", "questions", "spread", "pool"):
            found = getattr(side, do)(**task)
        else:
            found = one_after_the_other(side, size=task["size"], times=task["times"])
        print(json.dumps(found), flush=True)
    side.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
