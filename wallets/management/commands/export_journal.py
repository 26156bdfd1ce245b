"""An account's ledger as a journal of plain-text accounting, on standard output."""

import contextlib
from datetime import date
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.cells import directory, place
from accounts.cells.directory import NoCell
from accounts.errors import Unusable
from accounts.models import Account
from accounts.people import searching
from wallets.errors import WalletError
from wallets.exports import asking, files
from wallets.exports.asking import JOURNALS, Format
from wallets.statements import ranges


class Command(BaseCommand):
    help = (
        "Write an account's ledger as a journal for beancount, hledger or ledger. Each month's end "
        "and the last day assert what each balance was by our books."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--account", required=True, help="the account's id")
        parser.add_argument("--format", required=True, choices=sorted(map(str, JOURNALS)))
        parser.add_argument("--from", dest="since", help="a day of the account, 2026-11-01")
        parser.add_argument("--to", dest="until", help="a day of the account, itself included")

    def handle(
        self, *args: object, account: str, format: str, since: str, until: str, **options: object
    ) -> None:
        try:
            days = {"since": _day("--from", since), "until": _day("--to", until)}
            found = _account(account)
            with place.inside(directory.must_have(found.pk)):
                asked = asking.ask(account=found, format=Format(format), **days)
                for text in files.make(asked).bites:
                    self.stdout.write(text, ending="")
        except (WalletError, NoCell) as error:
            raise CommandError(str(error)) from error


def _account(given: str) -> Account:
    with contextlib.suppress(ValueError):
        if found := searching.by_id(UUID(given)):
            return found
    raise CommandError(f"There is no account with the id “{given}”.")


def _day(option: str, given: str | None) -> date | None:
    if given is None:
        return None
    try:
        found = ranges.read_day(given, field=option)
    except Unusable as error:
        raise CommandError(f"{option}: {error}") from error
    if found is None:
        raise CommandError(f"{option} needs a day. Leave it out, or write it like 2026-11-22.")
    return found
