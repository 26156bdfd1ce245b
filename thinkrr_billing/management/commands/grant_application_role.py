"""Give the application's database role what the application needs, and nothing that rewrites what
has happened. Run by who owns the tables, after each `migrate` (docs/deploy.md)."""

from django.core.management.base import BaseCommand, CommandError, CommandParser

from thinkrr_billing import database_role
from thinkrr_billing.cells.beginning import Refused


class Command(BaseCommand):
    help = (
        "Give the application's database role its rights on every table, and take all others. "
        "Says what is still different, and then exits with 1."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        usual = database_role.USUAL_NAME
        parser.add_argument("--role", default=usual, help=f"whose rights; usually {usual}")
        parser.add_argument("--check", action="store_true", help="change nothing, only look")

    def handle(self, *args: object, role: str, check: bool, **options: object) -> None:
        try:
            if not check:
                database_role.grant(role)
            found = database_role.differences(role)
        except (database_role.BadRole, Refused) as error:
            raise CommandError(str(error)) from error
        for one in found:
            self.stdout.write(f"{role} {one}")
        if found:
            raise SystemExit(1)
