"""Which cells there are, the first one, and one more. Run by who owns the tables."""

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError
from django.db.models import Count
from psycopg.errors import LockNotAvailable

from accounts.models import Cell, CellOfAccount
from thinkrr_billing.cells import adding, beginning
from thinkrr_billing.cells.beginning import LOCK_SECONDS, Refused

IN_USE = (
    f"A table was in use for {LOCK_SECONDS} seconds, and nobody was made to wait for longer. "
    "Nothing was changed. Stop web and workers, and try again."
)
BEGUN = (
    "Everything of every account is in cell {} now. Start web, workers and beat again, with "
    "CELLS=True: without it they find no account."
)


class Command(BaseCommand):
    help = (
        "list: the cells and how many accounts each has. begin NAME: move all accounts of a "
        "database without cells into its first, for which web and workers are stopped. add NAME: "
        "make an empty one."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        actions.add_parser("list")
        for action in ("begin", "add"):
            actions.add_parser(action).add_argument("name")

    def handle(self, *args: object, action: str, name: str = "", **options: object) -> None:
        try:
            self._do(action, name)
        except Refused as error:
            raise CommandError(str(error)) from error
        except OperationalError as error:
            if not isinstance(error.__cause__, LockNotAvailable):
                raise
            raise CommandError(IN_USE) from error

    def _do(self, action: str, name: str) -> None:
        if action == "begin":
            beginning.begin(name=name)
            self.stdout.write(BEGUN.format(name))
        elif action == "add":
            cell = adding.add(name=name)
            self.stdout.write(f"Cell {cell.number}, {cell}, is there, and empty.")
        else:
            self._list()

    def _list(self) -> None:
        accounts = dict(CellOfAccount.objects.values_list("cell").annotate(Count("pk")).order_by())
        cells = list(Cell.objects.all())
        for cell in cells:
            self.stdout.write(f"{cell.number} {cell}: {accounts.get(cell.pk, 0)} accounts")
        if not cells:
            self.stdout.write("There are no cells: all accounts are in one place.")
