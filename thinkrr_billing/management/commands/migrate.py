"""Django's `migrate`, in three quarters of the time on an empty database, and patient with nobody:
what waits for a lock makes everybody wait who comes after it."""

import gc
from collections.abc import Callable, Sequence
from io import StringIO

from django.core.management.base import CommandError
from django.core.management.commands import migrate
from django.db import OperationalError, connections
from psycopg.errors import LockNotAvailable

from accounts.cells import place
from accounts.runtime import reachable
from accounts.runtime.reachable import Told
from thinkrr_billing.cells import migrating, preparing
from thinkrr_billing.cells.beginning import Refused
from thinkrr_billing.cells.homes import NoHome

# Each is another hundred megabytes here, and a session that builds indexes there.
CELLS_AT_ONCE = 4
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
            first, *cells = migrating.places()
            # Every cell refers to what is everybody's.
            self._migrate(first, self, *args, **options)
            told = reachable.in_each(
                cells, lambda cell: self._migrate_cell(cell, *args, **options), most=CELLS_AT_ONCE
            )
            if failed := [one for one in told if one.error]:
                raise CommandError(_left(failed, told)) from failed[0].error
        except Refused as error:
            raise CommandError(str(error)) from error
        finally:
            gc.enable()

    def _migrate_cell(self, cell: str, *args: object, **options: object) -> None:
        """What it says is shown when it is done: others are at work meanwhile."""
        said = StringIO()
        said.write(f"In the cell {cell}:\n")
        # Each keeps what it is at in itself.
        command = Command(stdout=said, no_color=True)
        try:
            self._migrate(cell, command, *args, **options)
            with place.inside(""):
                preparing.look_through(name=cell)
        finally:
            self.stdout.write(said.getvalue())

    def _migrate(
        self, where: str | None, command: migrate.Command, *args: object, **options: object
    ) -> None:
        alias = options["database"]
        try:
            with (
                migrating.at(where),
                connections[alias].execute_wrapper(_within_the_limit),
            ):
                super(Command, command).handle(*args, **options)
        except NoHome as error:
            raise CommandError(f"{error} This migration was undone.") from error
        except OperationalError as error:
            if not isinstance(error.__cause__, LockNotAvailable):
                raise
            raise CommandError(TOO_LONG) from error


def _left(failed: Sequence[Told], told: Sequence[Told]) -> str:
    """What to do about cells that could not be migrated."""
    lines = [f"The cell {one.cell} was not migrated: {one.error}" for one in failed]
    done = len(told) - len(failed)
    return "\n".join(
        [*lines, f"{done} of {len(told)} cells are. Run migrate again for the others."]
    )


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
