"""Calls as one file: the answers of GET calls, a row a call."""

import csv
from collections.abc import Iterator
from uuid import UUID

from django.http import StreamingHttpResponse

from accounts.runtime import exports
from campaigns import history, limits
from campaigns.api import shapes
from campaigns.history import Filters, Spent

COLUMNS = (
    "id",
    "account",
    "campaign",
    "minute_type",
    "outcome",
    "ended_at",
    "seconds",
    "included_seconds",
    "premium_seconds",
    "basic_seconds",
    "credit_seconds",
    "rate_usd",
    "cost_usd",
    "entries",
)


def response(*, accounts: list[UUID], filters: Filters) -> StreamingHttpResponse:
    """Every call that fits, newest first, read page by page."""
    lines = exports.begun(_lines(accounts, filters))
    answer = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = 'attachment; filename="calls.csv"'
    return answer


class _Echo:
    """What the csv module writes to, one line at a time."""

    def write(self, line: str) -> str:
        return line


def _lines(accounts: list[UUID], filters: Filters) -> Iterator[str]:
    writer, cursor = csv.writer(_Echo()), ""
    yield writer.writerow(COLUMNS)
    while True:
        page = history.calls(
            accounts=accounts, filters=filters, cursor=cursor or None, limit=limits.CALLS_PER_BATCH
        )
        for one in page.rows:
            yield writer.writerow(_row(one))
        cursor = page.next_cursor
        if not cursor:
            return


def _row(one: Spent) -> list[object]:
    told = shapes.call(one)
    taken = told.taken_seconds
    return [
        exports.plain(told.id),
        told.account,
        exports.plain(told.campaign or ""),
        told.minute_type,
        told.outcome,
        told.ended_at.isoformat(),
        told.seconds,
        *(taken.included, taken.premium, taken.basic, taken.credit),
        told.rate or "",
        told.cost,
        told.entries,
    ]
