"""Load the demo data of a developer's machine."""

import signal
from argparse import ArgumentParser
from time import monotonic

from django.core.management.base import BaseCommand, CommandError

from accounts.cells import directory, place
from thinkrr_billing.sandbox.demo import LOGINS


class Command(BaseCommand):
    help = "Load demo accounts with 90 days of calls, purchases and allocations. Safe to repeat."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--quiet", action="store_true", help="do not print the log-ins")
        parser.add_argument(
            "--people-only",
            action="store_true",
            help="no money: for another server that speaks Stripe's API",
        )

    def handle(self, *args: object, **options: object) -> None:
        # Told to end, it sets the sandbox's clock right first, as after Ctrl-C.
        before = signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            with place.inside(next(iter(directory.names()), "")):
                self._seed(people_only=options["people_only"])
        except KeyboardInterrupt:
            raise CommandError(
                "Interrupted: the demo data is not complete. Run make clean, then start again."
            ) from None
        finally:
            signal.signal(signal.SIGTERM, before)
        if not options["quiet"]:
            self._print_logins()

    def _seed(self, *, people_only: bool) -> None:
        # Imported here: production never loads what stands in for the outside world.
        from thinkrr_billing.sandbox.demo import seeding

        began = monotonic()
        try:
            if people_only:
                self.stdout.write(f"Loaded {seeding.seed_people()} accounts, without money.")
                return
            seeded = seeding.seed(tell=lambda text: self.stdout.write(f"  {text} ..."))
        except seeding.CannotSeed as refusal:
            raise CommandError(str(refusal)) from None
        if seeded is None:
            self.stdout.write("The demo data is there already; nothing was changed.")
            return
        self.stdout.write(
            f"Loaded {seeded.accounts} accounts, {seeded.calls:,} calls and "
            f"{seeded.purchases} purchases in {monotonic() - began:.0f} s."
        )

    def _print_logins(self) -> None:
        self.stdout.write("Log in with the password " + LOGINS[0].password + ":")
        for login in LOGINS:
            self.stdout.write(f"  {login.email:28} {login.who}")
