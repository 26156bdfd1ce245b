"""Rows of several cells as one list, for a page of it."""

from collections.abc import Sequence
from functools import cached_property
from itertools import chain
from typing import Generic, TypeVar

from django.db.models import Model, QuerySet

from accounts.cells import place
from accounts.cells.directory import NoCell
from accounts.runtime import reachable

Row = TypeVar("Row", bound=Model)


class Across(Generic[Row]):
    """The same question in each of these cells, one cell's rows after the other's. Of several, one
    that is away is left out; while all are, NoCell is raised."""

    def __init__(self, rows: QuerySet[Row], cells: Sequence[str]) -> None:
        self._rows, self._cells = rows, cells

    def count(self) -> int:
        return sum(self._counts.values())

    @property
    def is_incomplete(self) -> bool:
        return len(self._counts) < len(self._cells)

    def __getitem__(self, part: slice) -> list[Row]:
        """Both ends of `part` are given, or its end."""
        begin, end = part.start or 0, part.stop
        if len(self._cells) == 1:
            return self._of(self._cells[0], begin, end)
        found, before = [], 0
        for cell, count in self._counts.items():
            first, last = max(begin - before, 0), min(end - before, count)
            if first < last:
                found.append(self._of(cell, first, last))
            before += count
        return list(chain.from_iterable(found))

    @cached_property
    def _counts(self) -> dict[str, int]:
        counts, away = reachable.ask_each(self._cells, lambda _: self._rows.count())
        if away and not counts:
            raise NoCell(f"{', '.join(away)} cannot be asked")
        return counts

    def _of(self, cell: str, begin: int, end: int) -> list[Row]:
        with place.inside(cell):
            return list(self._rows[begin:end])
