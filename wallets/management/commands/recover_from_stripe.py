"""After a restore from a backup: show what Stripe holds and we do not; with --apply, make it up."""

from collections.abc import Sequence
from datetime import UTC, datetime

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts import clock
from accounts.cells import directory
from accounts.runtime import reachable
from accounts.runtime.reachable import Told
from wallets import limits
from wallets.books import recovering
from wallets.errors import WalletError
from wallets.stripe import answers


class Command(BaseCommand):
    help = (
        "Show what Stripe holds and this database does not: payments, refunds, disputes, customers "
        "and cards. With --apply, write and credit it once; automatic charges must be stopped. "
        "Exit 1 when something is left to look into, or a cell failed; the others are done then."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--apply", action="store_true", help="write what is missing")
        parser.add_argument(
            "--since",
            type=_day,
            help="the day from which on to ask Stripe; a day before the backup was made "
            f"(by default {limits.RECOVER_FROM.days} days ago)",
        )

    def handle(self, *args: object, apply: bool, since: datetime | None, **options: object) -> None:
        since = since or clock.now() - limits.RECOVER_FROM
        if since > clock.now():
            raise CommandError("--since must have passed: nothing would be looked at.")
        left = count = 0

        def of_a_cell(cell: str) -> None:
            nonlocal left, count
            for found in recovering.recover(since=since, apply=apply):
                self.stdout.write(f"cell {cell}: {found}" if cell else str(found))
                count += 1
                left += found.what == recovering.LOOK

        told = reachable.in_each(directory.with_accounts(), of_a_cell)
        _refuse_for_all(told)
        _, failed = reachable.told_apart(told)
        if failed:
            lines = [*failed, "What was recovered stays; run it again for the rest."]
            raise CommandError("\n".join(lines))
        if not count:
            self.stdout.write("Nothing is missing.")
        elif not apply:
            self.stdout.write("Nothing was changed: this was a dry run. --apply makes it up.")
        if left:
            raise SystemExit(1)


def _refuse_for_all(told: Sequence[Told]) -> None:
    """What is no cell's own."""
    for error in (one.error for one in told):
        if isinstance(error, WalletError):
            raise CommandError(str(error)) from error
        if isinstance(error, answers.GatewayError):
            raise CommandError(
                f"Stripe did not answer: {error}. What was recovered stays; run it again.",
                returncode=2,
            ) from error


def _day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
