"""The order of a statement: entries by their numbers, payments that moved nothing between them.

An entry's number is the order it was posted in, whatever the clocks said; a payment that moved
nothing has only its moment. It stands after (newer than) the entries posted since, as if each entry
was dated no later than the entries that came after it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby

from wallets.cursors import Reached
from wallets.models import LedgerEntry, Purchase

Cause = tuple[LedgerEntry, ...]


@dataclass(frozen=True)
class Placed:
    """A row's facts, and how far the statement was read with it."""

    what: Cause | Purchase
    reached: Reached


def causes(entries: Iterable[LedgerEntry]) -> Iterator[Cause]:
    """Entries, newest first, by what caused them: what one cause moved was posted at once."""
    for _, together in groupby(entries, key=lambda entry: entry.key):
        yield tuple(together)


def merged(
    moved: Iterable[Cause], payments: Iterable[Purchase], *, reached: Reached, limit: int
) -> list[Placed]:
    """The next rows after `reached`, newest first. Both lists begin there; payments have
    `stands_at`."""
    rows: list[Placed] = []
    entries, others = iter(moved), iter(payments)
    cause, payment = next(entries, None), next(others, None)
    while len(rows) < limit and (cause or payment):
        reads = _with_entry(reached, cause) if cause else None
        if payment and (reads is None or payment.stands_at >= reads.moment):
            reached = replace(reached, payment=(payment.stands_at, payment.pk))
            rows.append(Placed(payment, reached))
            payment = next(others, None)
        else:
            reached = reads
            rows.append(Placed(cause, reached))
            cause = next(entries, None)
    return rows


def _with_entry(reached: Reached, cause: Cause) -> Reached:
    last = cause[-1]
    moment = min(filter(None, (reached.moment, last.created_at)))
    return replace(reached, entry=last.pk, moment=moment)
