"""Stop all automatic charges, start them again, or say how it stands."""

from django.core.management.base import BaseCommand, CommandError, CommandParser

from wallets.charging import switch
from wallets.errors import WalletError


class Command(BaseCommand):
    help = "Stop or start all automatic charges. Without an action: say whether they are stopped."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("action", nargs="?", choices=["stop", "start"])
        parser.add_argument("--reason", default="", help="why; support reads it on every page")

    def handle(
        self, *args: object, action: str | None, reason: str = "", **options: object
    ) -> None:
        if action:
            turn = switch.stop if action == "stop" else switch.start
            try:
                turn(reason=reason, actor=None)
            except WalletError as error:
                raise CommandError(str(error)) from error
        row = switch.stopped()
        if row:
            self.stdout.write(
                f"Automatic charges are stopped since {row.changed_at:%-d %b %Y, %H:%M} UTC: "
                f"{row.reason}"
            )
        else:
            self.stdout.write("Automatic charges go on.")
