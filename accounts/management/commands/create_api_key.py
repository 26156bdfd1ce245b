"""Make an API key by hand, and print it this once."""

import contextlib
from argparse import ArgumentParser
from datetime import timedelta
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from accounts import clock
from accounts.cells import directory, place
from accounts.cells.directory import NoCell
from accounts.errors import AccountError
from accounts.models import Account
from accounts.people import api_keys, searching


class Command(BaseCommand):
    help = "Make an API key for an account, or for the platform, and print it once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        owner = parser.add_mutually_exclusive_group(required=True)
        owner.add_argument("--account", help="the account's id or exact name")
        owner.add_argument("--platform", action="store_true", help="a key for every account")
        parser.add_argument("--scopes", default="read", help="of read,write,calls; default: read")
        parser.add_argument("--name", default="Made by command", help="where the key is used")
        parser.add_argument(
            "--expires-days", type=int, help="days until it expires; default: never"
        )
        parser.add_argument(
            "--addresses", default="", help="the only IP addresses or networks it works from"
        )

    def handle(self, *args: object, **options: object) -> None:
        try:
            account = None if options["platform"] else _account(options["account"])
        except NoCell as error:
            raise CommandError(f"No key was made: {error}.") from error
        days = options["expires_days"]
        if days is not None and not 1 <= days <= 3650:
            raise CommandError("--expires-days must be between 1 and 3650.")
        try:
            with place.inside(directory.must_have(account.pk) if account else ""):
                _, secret = api_keys.create(
                    account=account,
                    name=options["name"],
                    scopes=[part.strip() for part in options["scopes"].split(",")],
                    expires_at=clock.now() + timedelta(days=days) if days else None,
                    addresses=api_keys.addresses_in(options["addresses"]),
                )
        except AccountError as error:
            raise CommandError(str(error)) from None
        self.stdout.write(secret)
        self.stderr.write("Keep it now: it is not shown again.")


def _account(given: str) -> Account:
    with contextlib.suppress(ValueError):
        if account := searching.by_id(UUID(given)):
            return account
    found = searching.by_name(given)
    if not found:
        raise CommandError(f"There is no account with the id or name “{given}”.")
    if len(found) > 1:
        raise CommandError(f"Several accounts are named “{given}”: use the id.")
    return found[0]
