"""Plan and charge what monthly allocation is due, by hand."""

from itertools import chain

from django.core.management.base import BaseCommand, CommandParser

from accounts import clock
from accounts.cells import directory
from wallets.allocations import planning, runs


class Command(BaseCommand):
    help = "Charge every monthly allocation that is due now. With --dry-run only say what is due."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="change and charge nothing")

    def handle(self, *args: object, dry_run: bool, **options: object) -> None:
        now = clock.now()
        if dry_run:
            due = directory.in_every(lambda _: planning.dry_run(now=now))
            for line in list(chain.from_iterable(due)) or ["Nothing is due."]:
                self.stdout.write(line)
            return
        done = directory.in_every(lambda _: runs.charge_due(now=now))
        decisions = list(chain.from_iterable(done))
        for decision in decisions:
            self.stdout.write(
                f"{decision.figures.get('period', '')}: {decision.code}"
                f" ${decision.figures.get('amount', 0):,.2f}"
            )
        if not decisions:
            self.stdout.write("Nothing is due.")
