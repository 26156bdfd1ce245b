"""A batch of reported calls where there are cells: each cell records its own, in a transaction of
its own, all at once, and they are answered in order. One that cannot be asked, or does not answer
in time, rejects its own calls only.

A cell knows the ids of its own accounts' calls. Only the platform reports for several cells: that
one of its ids names two accounts in two of them is seen within a batch, and not between batches
(docs/decisions/0027-an-id-of-a-call-is-known-in-its-cell.md).
"""

import logging
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import partial
from itertools import compress

from django.conf import settings

from accounts.cells import directory, place
from accounts.models import Account
from accounts.runtime import reachable, threads
from accounts.runtime.pauses import PauseAfter
from accounts.runtime.reachable import Late, Told
from campaigns import calls, limits
from campaigns.calls import Result
from campaigns.errors import Busy
from campaigns.reports import Report, named_accounts

logger = logging.getLogger(__name__)

_pauses: dict[str, PauseAfter] = defaultdict(
    partial(PauseAfter, limits.CELL_LATE_IN_A_ROW, seconds=limits.CELL_LEFT_ALONE_SECONDS)
)


def record(
    *,
    reports: Sequence[Report],
    reporter: Account | None,
    within: float = limits.BATCH_SECONDS,
) -> list[Result]:
    """As `calls.record`, whose are the calls. Called outside of all cells, or in the reporter's.

    Of several cells, those that have not answered `within` so many seconds are as if they were
    away. Raises Busy only when there is one place to record them.
    """
    if not settings.CELLS:
        return calls.record(reports=reports, reporter=reporter)
    if place.current():
        told = calls.record(reports=reports, reporter=reporter)
        return _found_here(reports, told, reporter)
    return _in_cells(reports, _cells(reports, None), time.monotonic() + within)


def _cells(reports: Sequence[Report], reporter: Account | None) -> list[str]:
    """Where each report's account is; "" where there is no such account, AWAY while it is moved,
    or where nobody noted its cell."""
    named = named_accounts(reports, reporter)
    accounts = set(named.values())
    cells = directory.of_accounts(accounts)
    cells |= dict.fromkeys(reachable.unnoted(accounts - cells.keys()), directory.AWAY)
    return [cells.get(named.get(report.account), "") for report in reports]


def _in_cells(reports: Sequence[Report], cells: Sequence[str], ends: float) -> list[Result]:
    first: dict[str, str] = {}
    parts: dict[str, list[int]] = {}
    later = []
    for at, (report, cell) in enumerate(zip(reports, cells, strict=True)):
        if cell and first.setdefault(report.id, cell) != cell:
            later.append(at)
        else:
            parts.setdefault(cell, []).append(at)

    def record_in(cell: str) -> list[Result]:
        return _record([reports[at] for at in parts[cell]])

    results = {at: calls.rejected(reports[at], "unknown_account") for at in parts.pop("", ())}
    asked = [cell for cell in parts if cell != directory.AWAY and _pauses[cell].lets_through()]
    for cell in parts.keys() - set(asked):
        results |= {at: calls.rejected(reports[at], "unavailable") for at in parts[cell]}
    for told in reachable.in_each(asked, record_in, most=threads.MOST, ends=ends):
        _note(told)
        mine = parts[told.cell]
        answers = told.answer or _not_recorded(told, [reports[at] for at in mine])
        results |= dict(zip(mine, answers, strict=True))
    if later:
        results |= _after(results.values(), later, reports, cells, ends)
    return [results[at] for at in range(len(reports))]


def _after(
    told: Iterable[Result],
    later: list[int],
    reports: Sequence[Report],
    cells: Sequence[str],
    ends: float,
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
    recorded = _in_cells([reports[at] for at in free], [cells[at] for at in free], ends)
    return results | dict(zip(free, recorded, strict=True))


def _note(told: Told) -> None:
    """Whether the cell is to be left alone for a while."""
    if isinstance(told.error, Late):
        _pauses[told.cell].failed()
    elif not told.is_away:
        _pauses[told.cell].release()


def _record(reports: list[Report]) -> list[Result]:
    return _found_here(reports, calls.record(reports=reports, reporter=None), None)


def _not_recorded(told: Told, reports: list[Report]) -> list[Result]:
    """What may be sent again. Raises what is neither an outage nor Busy."""
    if not told.is_away and not isinstance(told.error, Busy):
        raise told.error
    logger.warning("calls not recorded cell=%s error=%s", told.cell, type(told.error).__name__)
    return [calls.rejected(report, "unavailable") for report in reports]


def _found_here(
    reports: Sequence[Report], told: list[Result], reporter: Account | None
) -> list[Result]:
    """An account that is noted somewhere is not unknown: it has just moved away, or its cell was
    restored from before it came."""
    unknown = [
        at for at, one in enumerate(told) if one.error and one.error.code == "unknown_account"
    ]
    cells = _cells([reports[at] for at in unknown], reporter) if unknown else []
    for at in compress(unknown, cells):
        told[at] = calls.rejected(reports[at], "unavailable")
    return told
