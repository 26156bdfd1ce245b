"""What a file holds, read as anybody would."""

import csv
from datetime import date
from decimal import Decimal

from accounts.models import Account
from wallets.exports import asking, files
from wallets.exports.asking import Format


def text_of(account: Account, format: Format = Format.CSV, **facts: object) -> str:
    return "".join(files.make(asking.ask(account=account, format=format, **facts)).bites)


def bytes_of(account: Account, format: Format, **facts: object) -> bytes:
    return b"".join(files.make(asking.ask(account=account, format=format, **facts)).bites)


def rows_of(account: Account, **facts: object) -> list[dict[str, str]]:
    return list(csv.DictReader(text_of(account, **facts).splitlines()))


def sums(rows: list[dict[str, str]]) -> list[Decimal]:
    """Of each pot's column."""
    columns = ("credit", "premium_seconds", "basic_seconds", "included_seconds")
    return [sum((Decimal(row[name]) for row in rows), Decimal(0)) for name in columns]


def november(day: int) -> date:
    return date(2026, 11, day)
