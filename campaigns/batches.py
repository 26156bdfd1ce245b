"""A batch of reported calls where there are cells: each cell records its own, in a transaction of
its own, and all are answered in order. One that cannot be asked rejects its own calls only.

A cell knows the ids of its own accounts' calls. Only the platform reports for several cells: that
one of its ids names two accounts in two of them is seen within a batch, and not between batches
(docs/decisions/0027-an-id-of-a-call-is-known-in-its-cell.md).
"""

import logging
from collections.abc import Iterable, Sequence
from itertools import compress

from django.conf import settings
from django.db import Error

from accounts.cells import directory, place
from accounts.models import Account
from accounts.runtime.outages import is_outage
from campaigns import calls
from campaigns.calls import Result
from campaigns.errors import Busy
from campaigns.reports import Report, named_accounts

logger = logging.getLogger(__name__)


def record(*, reports: Sequence[Report], reporter: Account | None) -> list[Result]:
    """As `calls.record`, whose are the calls. Called outside of all cells, or in the reporter's.

    Raises Busy only when there is one place to record them.
    """
    if not settings.CELLS:
        return calls.record(reports=reports, reporter=reporter)
    if place.current():
        told = calls.record(reports=reports, reporter=reporter)
        return _found_here(reports, told, reporter)
    return _in_cells(reports, _cells(reports, None))


def _cells(reports: Sequence[Report], reporter: Account | None) -> list[str]:
    """Where each report's account is; "" where there is no such account, AWAY while it is moved."""
    named = named_accounts(reports, reporter)
    cells = directory.of_accounts(set(named.values()))
    return [cells.get(named.get(report.account), "") for report in reports]


def _in_cells(reports: Sequence[Report], cells: Sequence[str]) -> list[Result]:
    first: dict[str, str] = {}
    parts: dict[str, list[int]] = {}
    later = []
    for at, (report, cell) in enumerate(zip(reports, cells, strict=True)):
        if cell and first.setdefault(report.id, cell) != cell:
            later.append(at)
        else:
            parts.setdefault(cell, []).append(at)
    results: dict[int, Result] = {}
    for cell, mine in parts.items():
        told = _record(cell, [reports[at] for at in mine])
        results |= dict(zip(mine, told, strict=True))
    if later:
        results |= _after(results.values(), later, reports, cells)
    return [results[at] for at in range(len(reports))]


def _after(
    told: Iterable[Result], later: list[int], reports: Sequence[Report], cells: Sequence[str]
) -> dict[int, Result]:
    """Reports whose ids were named for another cell's account before. What stands there is a
    conflict, and what may stand there waits."""
    stands = {
        one.id: one.error.code if one.error else "conflict"
        for one in told
        if not one.error or one.error.code in ("conflict", "unavailable")
    }
    known = [at for at in later if reports[at].id in stands]
    free = [at for at in later if reports[at].id not in stands]
    results = {at: calls.rejected(reports[at], stands[reports[at].id]) for at in known}
    recorded = _in_cells([reports[at] for at in free], [cells[at] for at in free])
    return results | dict(zip(free, recorded, strict=True))


def _record(cell: str, reports: list[Report]) -> list[Result]:
    if cell in ("", directory.AWAY):
        code = "unavailable" if cell else "unknown_account"
        return [calls.rejected(report, code) for report in reports]
    with place.inside(cell):
        try:
            return _found_here(reports, calls.record(reports=reports, reporter=None), None)
        except (Busy, Error) as error:
            if isinstance(error, Error) and not is_outage(error):
                raise
            logger.warning("calls not recorded cell=%s error=%s", cell, type(error).__name__)
            return [calls.rejected(report, "unavailable") for report in reports]


def _found_here(
    reports: Sequence[Report], told: list[Result], reporter: Account | None
) -> list[Result]:
    """An account that has moved away since its cell was asked for is not unknown."""
    unknown = [
        at for at, one in enumerate(told) if one.error and one.error.code == "unknown_account"
    ]
    if not unknown:
        return told
    cells = _cells([reports[at] for at in unknown], reporter)
    moved = [cell not in ("", place.current()) for cell in cells]
    for at in compress(unknown, moved):
        told[at] = calls.rejected(reports[at], "unavailable")
    return told
