"""The statement as XLSX: figures, days and times that no country's spreadsheet has to read."""

import tempfile
from collections.abc import Iterator
from datetime import date, time
from decimal import Decimal
from itertools import islice
from typing import IO, TYPE_CHECKING

from wallets import limits
from wallets.errors import InvalidAmount
from wallets.exports import periods
from wallets.exports.asking import Asked
from wallets.exports.lines import POTS
from wallets.exports.tables import COLUMNS, Cell, rows
from wallets.models import Pot

if TYPE_CHECKING:
    from xlsxwriter.format import Format
    from xlsxwriter.workbook import Workbook, Worksheet

_WIDTHS = {"date": 26, "description": 34, "note": 34, "reference": 38, "purchase": 38}
_FORMATS = {
    "amount": "0.000000",
    "balance_after": "0.000000",
    "credit": "0.000000",
    "paid": "0.00",
    "day": "yyyy-mm-dd",
    "time": "hh:mm:ss",
}
# The letters of the pots' columns, for the sums of the second sheet.
_LETTERS = {pot: chr(ord("A") + COLUMNS.index("credit") + at) for at, pot in enumerate(POTS)}
_OPTIONS = {
    # Rows are written out as they come: a large file takes no more memory than a small one.
    "constant_memory": True,
    # Words stay words, whatever they look like.
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
}


def write(asked: Asked) -> Iterator[bytes]:
    """The file in bites. It is finished on disk before the first of them.

    Raises InvalidAmount, before anything is given, when there are too many lines.
    """
    # Only who makes one loads it: it takes a tenth of a second in each process.
    from xlsxwriter.workbook import Workbook

    file = tempfile.TemporaryFile()  # noqa: SIM115 closed by whoever reads it
    book = Workbook(file, _OPTIONS)
    formats = {name: book.add_format({"num_format": each}) for name, each in _FORMATS.items()}
    count, sums = _entries_sheet(book, formats, asked)
    _sums_sheet(book, formats, asked, sums)
    book.close()
    if count > limits.XLSX_ROWS_MOST:
        file.close()
        raise InvalidAmount(
            f"There are more than {limits.XLSX_ROWS_MOST:,} lines, too many for one XLSX file. "
            "Choose fewer days, or CSV. Nothing was exported."
        )
    return _bites(file)


def _entries_sheet(
    book: "Workbook", formats: dict[str, "Format"], asked: Asked
) -> tuple[int, list[Decimal]]:
    """The rows, no more than one too many, with their heads on every screen. Answers with their
    number and the sum of each pot."""
    sheet = book.add_worksheet("Entries")
    sheet.freeze_panes(1, 0)
    for at, name in enumerate(COLUMNS):
        sheet.set_column(at, at, _WIDTHS.get(name, 14))
        sheet.write_string(0, at, name)
    first = COLUMNS.index(Pot.CREDIT)
    sums = [Decimal(0)] * len(POTS)
    count = 0
    for count, row in enumerate(islice(rows(asked), limits.XLSX_ROWS_MOST + 1), 1):
        for at, (name, cell) in enumerate(zip(COLUMNS, row, strict=True)):
            _write(sheet, count, at, cell, formats.get(name))
        moved = row[first : first + len(POTS)]
        sums = [one + more for one, more in zip(sums, moved, strict=True)]
    sheet.autofilter(0, 0, count, len(COLUMNS) - 1)
    return count, sums


def _write(
    sheet: "Worksheet", row: int, column: int, cell: Cell, format: "Format | None" = None
) -> None:
    if cell is None or cell == "":
        return
    if isinstance(cell, (date, time)):
        sheet.write_datetime(row, column, cell, format)
    elif isinstance(cell, str):
        sheet.write_string(row, column, cell)
    else:
        sheet.write_number(row, column, cell, format)


def _sums_sheet(
    book: "Workbook", formats: dict[str, "Format"], asked: Asked, sums: list[Decimal]
) -> None:
    """What each pot held before and after by our books, and what the rows add up to."""
    sheet = book.add_worksheet("Sums")
    sheet.set_column(0, 5, 20)
    for at, head in enumerate(("pot", "unit", "opening", "change of the rows", "closing")):
        sheet.write_string(0, at, head)
    opening, closing = periods.opening(asked.period), periods.closing(asked.period)
    for row, (pot, moved) in enumerate(zip(POTS, sums, strict=True), 1):
        format = formats["credit"] if pot == Pot.CREDIT else None
        sheet.write_string(row, 0, pot.label)
        sheet.write_string(row, 1, "USD" if pot == Pot.CREDIT else "seconds")
        sheet.write_number(row, 2, opening[pot], format)
        letter = _LETTERS[pot]
        sheet.write_formula(row, 3, f"=SUM(Entries!{letter}:{letter})", format, float(moved))
        sheet.write_number(row, 4, closing[pot], format)


def _bites(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        file.seek(0)
        while bite := file.read(limits.EXPORT_BITE_BYTES):
            yield bite
