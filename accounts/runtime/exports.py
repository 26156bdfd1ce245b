"""What leaves us as a file: who took which is in the log, and nobody takes them without end."""

import logging
from collections.abc import Iterator
from itertools import chain, islice
from typing import TypeVar

from accounts import clock, limits
from accounts.errors import TooMany
from accounts.models import User
from accounts.runtime import soft_cache

logger = logging.getLogger(__name__)

T = TypeVar("T", str, bytes)

# A spreadsheet takes a cell that begins like this for a formula; in the letters of East Asia, too.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
# Pieces that are written at once: more than any file has before its first row.
BEGINNING = 50
REFUSAL = "You have taken very many files within this hour. Go on in the next one."


def note(*, user: User, name: str) -> None:
    """Count a file that is about to be given to this person, or raise `TooMany`.

    Counts whole hours in the cache: while that is away files are given, and written down still.
    """
    hour = f"files:{user.pk}:{clock.now():%Y%m%d%H}"
    count = soft_cache.count(hour, seconds=2 * limits.HOUR.total_seconds())
    if count > limits.FILES_OF_PERSON_AN_HOUR:
        logger.warning("brake holds files most=%s within=1:00:00", limits.FILES_OF_PERSON_AN_HOUR)
        raise TooMany(REFUSAL)
    logger.info("exported %s user=%s", name, user.pk)


def begun(file: Iterator[T]) -> Iterator[T]:
    """The same file, with its head and its first rows written already: that the database does not
    answer is so told with a status, and not by a file that breaks off behind its head."""
    return chain(list(islice(file, BEGINNING)), file)


def plain(text: str) -> str:
    """A text as a cell of a CSV: never a formula, whoever wrote it."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text
