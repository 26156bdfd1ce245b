"""Brings the database up to date, gives the application's role its rights and loads the demo data,
as commands of one process, which owns the tables: loading the application takes as long as half of
the migrations. Started by the supervisor, held until the database answers."""

import os
import sys

from django.core.management import execute_from_command_line

from thinkrr_billing.memory import look_for_garbage_rarely
from thinkrr_billing.sandbox import postgres

# With CELLS.
FIRST_CELL = "first"
NO_DEMO_DATA, PEOPLE_ONLY, TWO_ROLES = "--no-demo-data", "--people-only", "--two-roles"


def main(loaded: int, *options: str) -> None:
    """Close the descriptor at once: with that the application is loaded."""
    os.close(loaded)
    look_for_garbage_rarely()
    if _has_to_migrate():
        print("bringing the database up to date", flush=True)
        # The next command makes the checks. They need the views, which web loads meanwhile.
        _command("migrate", "--no-input", "-v", "1", "--skip-checks")
    _begin_cells()
    if TWO_ROLES in options:
        _command("grant_application_role", "--role", postgres.APPLICATION)
    if NO_DEMO_DATA not in options and not _has_accounts():
        print("loading the demo data, this once", flush=True)
        _command("seed_demo", *(option for option in options if option != TWO_ROLES))


def _command(*arguments: str) -> None:
    execute_from_command_line(["manage.py", *arguments])


def _begin_cells() -> None:
    """With CELLS an empty database begins with its first. Ends with a sentence where the parts
    would look for accounts in the wrong place."""
    from django.conf import settings

    from accounts.cells import directory
    from accounts.models import Account, Cell

    if settings.CELLS and not Cell.objects.exists() and not Account.objects.exists():
        _command("cells", "begin", FIRST_CELL)
    if wrong := directory.contradiction():
        sys.exit(wrong)


def _has_to_migrate() -> bool:
    from django.conf import settings
    from django.db import connection

    from accounts.cells import directory
    from accounts.models import Cell
    from thinkrr_billing.unmigrated import is_behind

    if not connection.introspection.table_names() or is_behind():
        return True
    if not settings.CELLS or not Cell.objects.exists():
        return False
    return any(directory.in_every(lambda _: is_behind()))


def _has_accounts() -> bool:
    from accounts.cells import directory
    from accounts.models import Account

    return any(directory.in_every(lambda _: Account.objects.exists()))


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])
