"""Lists as CSV: the columns as they are shown, safe to open in a spreadsheet."""

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from decimal import Decimal

from django.contrib.admin import ModelAdmin
from django.contrib.admin.utils import label_for_field, lookup_field
from django.core.exceptions import ObjectDoesNotExist
from django.db.models import Model
from django.utils.html import strip_tags
from django.utils.safestring import SafeString

from accounts.runtime import exports


def lines(*, admin: ModelAdmin, columns: list[str], rows: Iterable[Model]) -> Iterator[str]:
    """One line of CSV a row, the names of the columns first."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    titles = [str(label_for_field(name, admin.model, admin)) for name in columns]
    yield _line(writer, buffer, titles)
    for row in rows:
        yield _line(writer, buffer, [_cell(name, row, admin) for name in columns])


def _line(writer: object, buffer: io.StringIO, cells: list[str]) -> str:
    writer.writerow(cells)
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text


def _cell(name: str, row: Model, admin: ModelAdmin) -> str:
    try:
        field, _, value = lookup_field(name, row, admin)
    except ObjectDoesNotExist:
        return ""
    if field is not None and field.remote_field:
        value = getattr(row, field.name)
    elif field is not None and field.choices:
        value = getattr(row, f"get_{field.name}_display")()
    return text_of(value)


def text_of(value: object) -> str:
    """Numbers stay numbers, moments are ISO 8601, texts cannot become formulas."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (int, float, Decimal)):
        return f"{value:f}" if isinstance(value, Decimal) else str(value)
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    text = strip_tags(value) if isinstance(value, SafeString) else str(value)
    return exports.plain(text)
