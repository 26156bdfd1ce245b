"""Whether a database has all that this code's migrations bring, without loading them.

They would stay for good in every process that asks: the models of all times.
"""

from collections.abc import Iterable
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pkgutil import iter_modules

from django.apps import apps
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder


def is_behind() -> bool:
    """Whether a migration of this code was not applied where the connection is."""
    return not of_this_code() <= MigrationRecorder(connection).applied_migrations().keys()


@cache
def of_this_code() -> frozenset[tuple[str, str]]:
    """The (app, name) of every migration there is a file of, by the rule of Django's loader.

    One that replaces others is among them: `migrate` notes it as applied once they are.
    """
    return frozenset(
        (app.label, module.name)
        for app in apps.get_app_configs()
        for module in iter_modules(_folders(app.label))
        if not module.ispkg and module.name[0] not in "_~"
    )


def _folders(label: str) -> Iterable[str]:
    """Where Django looks for an app's migrations: the package is loaded, what is in it is not."""
    name, _ = MigrationLoader.migrations_module(label)
    return import_module(name).__path__ if name and find_spec(name) else ()
