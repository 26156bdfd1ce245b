"""Plan and charge what monthly allocation is due, by hand."""

from datetime import datetime
from itertools import chain

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts import clock
from accounts.cells import directory
from accounts.runtime import reachable
from wallets.allocations import planning, runs


class Command(BaseCommand):
    help = (
        "Charge every monthly allocation that is due now. With --dry-run only say what is due. "
        "Exit 1 when a cell failed; the others are done."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="change and charge nothing")

    def handle(self, *args: object, dry_run: bool, **options: object) -> None:
        now = clock.now()
        do = _would_do if dry_run else _do
        told = reachable.in_each(directory.with_accounts(), lambda _: do(now))
        done, failed = reachable.told_apart(told)
        lines = list(chain.from_iterable(done))
        for line in lines:
            self.stdout.write(line)
        if failed:
            raise CommandError("\n".join(failed))
        if not lines:
            self.stdout.write("Nothing is due.")


def _would_do(now: datetime) -> list[str]:
    return planning.dry_run(now=now)


def _do(now: datetime) -> list[str]:
    return [
        f"{decision.figures.get('period', '')}: {decision.code}"
        f" ${decision.figures.get('amount', 0):,.2f}"
        for decision in runs.charge_due(now=now)
    ]
