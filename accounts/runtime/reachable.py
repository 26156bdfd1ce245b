"""Asking several cells where one that is away is no reason to leave out the others."""

import logging
from collections.abc import Callable, Iterable
from typing import TypeVar

from django.db import Error

from accounts.cells import place
from accounts.runtime.outages import is_outage

T = TypeVar("T")

logger = logging.getLogger(__name__)


def ask_each(cells: Iterable[str], do: Callable[[str], T]) -> tuple[dict[str, T], list[str]]:
    """What `do` answers inside of each of these cells, and those that cannot be asked now.

    Raises whatever is no outage of a cell.
    """
    answers, away = {}, []
    for cell in cells:
        with place.inside(cell):
            try:
                answers[cell] = do(cell)
            except Error as error:
                if not cell or not is_outage(error):
                    raise
                logger.warning("a cell is away cell=%s error=%s", cell, type(error).__name__)
                away.append(cell)
    return answers, away
