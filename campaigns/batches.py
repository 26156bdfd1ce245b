"""A batch of reported calls where there are cells: each cell records its own, in a transaction of
its own, and all are answered in order. One that cannot be asked rejects its own calls only."""

import logging
from collections.abc import Sequence

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
    if not settings.CELLS or place.current():
        return calls.record(reports=reports, reporter=reporter)
    results: dict[int, Result] = {}
    for cell, mine in _by_cell(reports).items():
        told = _record(cell, [reports[at] for at in mine])
        results |= dict(zip(mine, told, strict=True))
    return [results[at] for at in range(len(reports))]


def _by_cell(reports: Sequence[Report]) -> dict[str, list[int]]:
    """The places of the reports in the batch; under "" those of accounts that are not there."""
    named = named_accounts(reports, None)
    cells = directory.of_accounts(set(named.values()))
    found: dict[str, list[int]] = {}
    for at, report in enumerate(reports):
        found.setdefault(cells.get(named.get(report.account), ""), []).append(at)
    return found


def _record(cell: str, reports: list[Report]) -> list[Result]:
    if not cell:
        return [calls.rejected(report, "unknown_account") for report in reports]
    with place.inside(cell):
        try:
            return calls.record(reports=reports, reporter=None)
        except (Busy, Error) as error:
            if isinstance(error, Error) and not is_outage(error):
                raise
            logger.warning("calls not recorded cell=%s error=%s", cell, type(error).__name__)
            return [calls.rejected(report, "unavailable") for report in reports]
