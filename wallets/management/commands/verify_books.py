"""Prove the books: silent when they agree, one line a broken rule's row and exit 1 otherwise."""

from datetime import datetime, timedelta
from functools import partial
from itertools import chain

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts import clock
from accounts.cells import directory
from wallets.books import checking
from wallets.stripe import answers


class Command(BaseCommand):
    help = (
        "Check every rule of the books. With --stripe, compare them with Stripe, too. With --days,"
        " prove what was written in the last days, which is enough if all was in order before."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--stripe", action="store_true", help="compare with Stripe, too")

        parser.add_argument("--days", type=int, help="what was written in so many days only")

    def handle(self, *args: object, stripe: bool, days: int | None, **options: object) -> None:
        since = None if days is None else clock.now() - timedelta(days=days)
        try:
            broken = directory.everywhere(partial(_broken, stripe=stripe, since=since))
        except answers.GatewayError as error:
            raise CommandError(
                f"Stripe did not answer, so the books were not compared with it: {error}",
                returncode=2,
            ) from error
        for row in chain.from_iterable(broken):
            self.stdout.write(row)
        if any(broken):
            raise SystemExit(1)


def _broken(cell: str, *, stripe: bool, since: datetime | None) -> list[str]:
    found = checking.check_all(stripe=stripe, since=since)
    return [f"cell {cell}: {row}" if cell else str(row) for row in found]
