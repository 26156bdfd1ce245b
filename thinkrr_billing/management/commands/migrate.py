"""Django's `migrate`, in three quarters of the time on an empty database, and patient with nobody:
what waits for a lock makes everybody wait who comes after it."""

import gc
from collections.abc import Callable

from django.core.management.base import CommandError
from django.core.management.commands import migrate
from django.db import OperationalError, connections
from psycopg.errors import LockNotAvailable

from thinkrr_billing.cells import migrating
from thinkrr_billing.cells.beginning import Refused
from thinkrr_billing.cells.homes import NoHome

LOCK_SECONDS = 5
TOO_LONG = (
    f"A table was in use for {LOCK_SECONDS} seconds, and nobody was made to wait for longer: this "
    "step is undone, and those before it are kept. Run migrate again; if it stays, the runbook "
    "says how to find who holds the table."
)


class Command(migrate.Command):
    def handle(self, *args: object, **options: object) -> None:
        # Each step builds thousands of model classes anew; looking for garbage among them all takes
        # longer than it saves. Without that the process takes 100 MB more.
        gc.disable()
        try:
            for where in migrating.places():
                if where:
                    self.stdout.write(f"In the cell {where}:")
                with (
                    migrating.at(where),
                    connections[options["database"]].execute_wrapper(_within_the_limit),
                ):
                    super().handle(*args, **options)
        except Refused as error:
            raise CommandError(str(error)) from error
        except NoHome as error:
            raise CommandError(f"{error} This migration was undone.") from error
        except OperationalError as error:
            if not isinstance(error.__cause__, LockNotAvailable):
                raise
            raise CommandError(TOO_LONG) from error
        finally:
            gc.enable()


def _within_the_limit(
    execute: Callable, sql: object, params: object, many: bool, context: dict
) -> object:
    """A pooler hands out another session at any time, so the limit is set beside what it limits.

    What is done CONCURRENTLY lets others go on while it waits for them.
    """
    connection = context["connection"]
    if connection.in_atomic_block and connection.connection is not None:
        context["cursor"].cursor.execute(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'")
    return execute(sql, params, many, context)
