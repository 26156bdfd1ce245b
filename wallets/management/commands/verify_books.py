"""Prove the books: silent when they agree, one line a broken rule's row and exit 1 otherwise."""

from django.core.management.base import BaseCommand, CommandError, CommandParser

from wallets.books import checking
from wallets.stripe import answers


class Command(BaseCommand):
    help = "Check every rule of the books. With --stripe, compare them with Stripe, too."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--stripe", action="store_true", help="compare with Stripe, too")

    def handle(self, *args: object, stripe: bool, **options: object) -> None:
        try:
            broken = checking.check_all(stripe=stripe)
        except answers.GatewayError as error:
            raise CommandError(
                f"Stripe did not answer, so the books were not compared with it: {error}",
                returncode=2,
            ) from error
        for row in broken:
            self.stdout.write(str(row))
        if broken:
            raise SystemExit(1)
