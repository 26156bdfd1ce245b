"""The statement as CSV: plain figures, in each column with the same number of digits."""

import csv
from collections.abc import Iterator
from datetime import date, time
from decimal import Decimal

from accounts.runtime import exports
from wallets.exports.asking import Asked
from wallets.exports.tables import COLUMNS, Cell, rows

# Excel takes a file without it for the letters of its own country; others stumble over it.
BYTE_ORDER_MARK = "\ufeff"
# Where decimals are written with a comma, a column of which some rows have a point is half text.
_DIGITS = {"amount": 6, "balance_after": 6, "credit": 6, "paid": 2}


class _Echo:
    """What the csv module writes to, one line at a time."""

    def write(self, line: str) -> str:
        return line


def write(asked: Asked) -> Iterator[str]:
    writer = csv.writer(_Echo())
    yield (BYTE_ORDER_MARK if asked.with_mark else "") + writer.writerow(COLUMNS)
    for row in rows(asked):
        yield writer.writerow(map(_text, COLUMNS, row))


def _text(column: str, cell: Cell) -> str:
    if cell is None:
        return ""
    if column in _DIGITS:
        return f"{cell:.{_DIGITS[column]}f}"
    if isinstance(cell, (date, time)):
        return cell.isoformat()
    return str(cell) if isinstance(cell, (int, Decimal)) else exports.plain(cell)
