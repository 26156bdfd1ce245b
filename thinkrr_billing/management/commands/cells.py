"""Which cells there are, the first one, one more, and from one to another. Run by who owns the
tables."""

from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError
from django.db.models import Count
from psycopg.errors import LockNotAvailable

from accounts.models import Cell, CellOfAccount
from thinkrr_billing.cells import adding, beginning, moving
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
        "make an empty one. move ACCOUNT NAME: move an agency with its sub-accounts, or an "
        "individual, to another; what comes for them meanwhile is answered 503."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        actions.add_parser("list")
        for action in ("begin", "add"):
            actions.add_parser(action).add_argument("name")
        move = actions.add_parser("move")
        move.add_argument("account", type=UUID)
        move.add_argument("name")

    def handle(
        self,
        *args: object,
        action: str,
        name: str = "",
        account: UUID | None = None,
        **options: object,
    ) -> None:
        try:
            if account:
                self._move(account, name)
            else:
                self._do(action, name)
        except Refused as error:
            raise CommandError(str(error)) from error
        except OperationalError as error:
            if not isinstance(error.__cause__, LockNotAvailable):
                raise
            raise CommandError(moving.IN_USE if account else IN_USE) from error

    def _do(self, action: str, name: str) -> None:
        if action == "begin":
            beginning.begin(name=name)
            self.stdout.write(BEGUN.format(name))
        elif action == "add":
            cell = adding.add(name=name)
            self.stdout.write(f"Cell {cell.number}, {cell}, is there, and empty.")
        else:
            self._list()

    def _move(self, account: UUID, name: str) -> None:
        moved = moving.move(account_id=account, name=name)
        if moved is None:
            self.stdout.write(f"{account} is in {name} already. Nothing was changed.")
            return
        self.stdout.write(
            f"{moved.accounts} accounts with {moved.rows} rows are in {name} now. They were away "
            f"for {moved.seconds:.1f} s."
        )

    def _list(self) -> None:
        accounts = dict(CellOfAccount.objects.values_list("cell").annotate(Count("pk")).order_by())
        cells = list(Cell.objects.all())
        for cell in cells:
            self.stdout.write(f"{cell.number} {cell}: {accounts.get(cell.pk, 0)} accounts")
        if not cells:
            self.stdout.write("There are no cells: all accounts are in one place.")
