"""A file of any format: its name, its type and its bites."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from django.utils.text import slugify

from wallets.exports import csv_file, csv_rules, datev_file, ofx_file, plain_text, xlsx_file
from wallets.exports.asking import Asked, Format


@dataclass(frozen=True)
class File:
    name: str
    content_type: str
    bites: Iterator[str] | Iterator[bytes]


@dataclass(frozen=True)
class _Kind:
    suffix: str
    content_type: str
    write: Callable[[Asked], Iterator[str] | Iterator[bytes]]


_TEXT = "text/plain; charset=utf-8"
_SHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_KINDS = {
    Format.CSV: _Kind("csv", "text/csv; charset=utf-8", csv_file.write),
    Format.XLSX: _Kind("xlsx", _SHEET, xlsx_file.write),
    Format.OFX: _Kind("ofx", "application/x-ofx", ofx_file.write),
    Format.DATEV: _Kind("datev.csv", "text/csv; charset=utf-8", datev_file.write),
    Format.BEANCOUNT: _Kind("beancount", _TEXT, plain_text.beancount),
    Format.HLEDGER: _Kind("journal", _TEXT, plain_text.ledger_like),
    Format.LEDGER: _Kind("ledger", _TEXT, plain_text.ledger_like),
    Format.RULES: _Kind("csv.rules", _TEXT, lambda _: csv_rules.text()),
}


def make(asked: Asked) -> File:
    """The file, written while it is read. Raises InvalidAmount when it would be too large."""
    kind = _KINDS[asked.format]
    period = asked.period
    since = f"{period.since}--" if period.since else "until-"
    account = slugify(period.account.name) or "account"
    name = f"transactions-{account}-{since}{period.until}.{kind.suffix}"
    return File(name, kind.content_type, kind.write(asked))
