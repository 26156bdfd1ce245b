"""Read again what we mirror of Stripe: the customers of accounts, and their cards.

In the place of dj-stripe's command of this name, which asks for the account first (a restricted key
may not), mirrors what is of nobody here, and reads keys from the database.
"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from wallets.cards import mirror
from wallets.stripe import answers

MIRRORED = ("Customer", "PaymentMethod")


class Command(BaseCommand):
    help = (
        "Read the customers of accounts and their cards again from Stripe into dj-stripe's tables. "
        "Only reads there. Exit 1 when a customer is gone. Safe to repeat."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("models", nargs="*", metavar="ModelName", help=" or ".join(MIRRORED))
        parser.add_argument("--api-keys", nargs="*", help="refused: the key is STRIPE_SECRET_KEY")

    def handle(self, *_: Any, models: list[str], api_keys: list[str] | None, **__: Any) -> None:
        if api_keys:
            raise CommandError("The key is the one of STRIPE_SECRET_KEY; give none here.")
        for model in models:
            if model not in MIRRORED:
                raise CommandError(
                    f"{model} is not mirrored. {' and '.join(MIRRORED)} are; what else is known of "
                    "Stripe is in our own tables."
                )
        cards = not models or "PaymentMethod" in models
        read, found, gone = 0, 0, 0
        try:
            for account in mirror.accounts():
                many = mirror.read_again(account=account, cards=cards)
                if many is None:
                    gone += 1
                    self.stdout.write(
                        f"{account.stripe_customer} of {account.name} is not at Stripe any more: "
                        "“Renew the link to Stripe's customer” on the account's page."
                    )
                    continue
                read, found = read + 1, found + many
        except answers.GatewayError as error:
            raise CommandError(f"Stripe did not answer: {error} Run it again.") from error
        self.stdout.write(f"Read again: {read} customers{f', {found} cards' if cards else ''}.")
        if gone:
            raise SystemExit(1)
