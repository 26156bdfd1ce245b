"""Prove the books: silent when they agree, one line a broken rule's row, or a cell that could not
be asked, and exit 1 otherwise."""

from datetime import timedelta
from functools import partial

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts import clock
from accounts.cells import directory
from accounts.runtime import reachable
from wallets.books import checking
from wallets.books.register import Broken
from wallets.stripe import answers

# Each may take a gigabyte of PostgreSQL's memory (`checking.MEMORY`).
CELLS_AT_ONCE = 2


class Command(BaseCommand):
    help = (
        "Check every rule of the books. With --stripe, compare them with Stripe, too. With --days,"
        " prove what was written in the last days, which is enough if all was in order before."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--stripe", action="store_true", help="compare with Stripe, too")

        parser.add_argument("--days", type=int, help="what was written in so many days only")

    def handle(self, *args: object, stripe: bool, days: int | None, **options: object) -> None:
        if days is not None and days < 1:
            raise CommandError("--days must be 1 or more: nothing would be proven.")
        since = None if days is None else clock.now() - timedelta(days=days)
        prove = partial(checking.check_all, stripe=stripe, since=since)
        told = reachable.in_each(directory.places(), lambda _: prove(), most=CELLS_AT_ONCE)
        for one in told:
            self._tell(one)
        for one in told:
            if isinstance(one.error, answers.GatewayError):
                raise CommandError(
                    f"Stripe did not answer, so the books were not compared with it: {one.error}",
                    returncode=2,
                ) from one.error
        if any(one.answer or one.error for one in told):
            raise SystemExit(1)

    def _tell(self, told: reachable.Told[list[Broken]]) -> None:
        """Raises what is wrong outside of all cells."""
        of = f"cell {told.cell}: " if told.cell else ""
        for row in told.answer or ():
            self.stdout.write(f"{of}{row}")
        if isinstance(told.error, answers.GatewayError):
            return
        if told.error and not of:
            raise told.error
        if told.error:
            self.stderr.write(f"{of}its books could not be proved: {told.error}")
