"""One more cell: the structure of the first, without its rows."""

from typing import Any

from django.db import connection, transaction

from accounts.cells.place import schema_of
from accounts.models import Cell
from thinkrr_billing.cells import copying, homes
from thinkrr_billing.cells.beginning import (
    Refused,
    check_name,
    copy_migrations,
    refuse_unmigrated,
)
from thinkrr_billing.cells.homes import PUBLIC


def add(*, name: str) -> Cell:
    """Make an empty cell. The others work on meanwhile.

    Raises Refused, and has changed nothing then.
    """
    check_name(name)
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        # Two at once would take the same number.
        cursor.execute("LOCK TABLE accounts_cell IN SHARE ROW EXCLUSIVE MODE")
        cells = list(Cell.objects.all())
        if not cells:
            raise Refused("There are no cells yet: begin with `manage.py cells begin NAME`.")
        if name in {cell.name for cell in cells}:
            raise Refused(f"There is a cell {name} already. Nothing was changed.")
        if cells[-1].number == copying.MOST_CELLS:
            raise Refused(f"There are {copying.MOST_CELLS} cells, and no room for more.")
        refuse_unmigrated()
        cell = Cell.objects.create(number=cells[-1].number + 1, name=name)
        _fill(cursor, number=cell.number, source=schema_of(cells[0].name), target=schema_of(name))
    return cell


def _fill(cursor: Any, *, number: int, source: str, target: str) -> None:
    both = {"source": source, "target": target}
    cursor.execute(f"CREATE SCHEMA {target}")
    copying.functions(cursor, **both)
    copying.tables(cursor, homes.in_cells(), number=number, **both)
    copying.begin_series(cursor, target, number=number)
    copy_migrations(cursor, **both)
    copying.rights(cursor, **both)
    copying.look_from(cursor, PUBLIC)
