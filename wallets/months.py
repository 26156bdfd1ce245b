"""Days and months: when something monthly is due. Pure dates, no database, no clock.

Dates are days in the agency's time zone. Period k is the anchor plus k months, clamped to the
month's end, always counted from the original anchor: 31 Jan, 28 Feb, 31 Mar.
"""

import calendar
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

# The last day `date` knows lies in year 9999; nobody plans that far.
LAST_YEAR = 9998


def due_date(anchor: date, k: int) -> date:
    """The due date of period `k` (0 is the anchor itself)."""
    months = anchor.year * 12 + anchor.month - 1 + k
    year, month = divmod(months, 12)
    return on_day(year, month + 1, anchor.day)


def on_day(year: int, month: int, day: int) -> date:
    """That day of the month, or the month's last day when it is shorter."""
    return date(year, month, min(day, calendar.monthrange(year, month)[1]))


def beginning(value: date, zone: ZoneInfo) -> datetime:
    """A moment as it is; a day as its beginning in the zone, in UTC.

    Where clocks jump at midnight the day has no 00:00: what stands for it equals no moment in
    another zone until it is converted.
    """
    if isinstance(value, datetime):
        return value
    # A day at the edge of the calendar has no beginning in UTC; nothing happened there.
    if not 1900 <= value.year <= 9000:
        return datetime(1900 if value.year < 1900 else 9000, 1, 1, tzinfo=UTC)
    return datetime.combine(value, time.min, zone).astimezone(UTC)


def end_of(value: date, zone: ZoneInfo) -> datetime:
    """A moment as it is; a day as the beginning of the next one in the zone."""
    if not isinstance(value, datetime) and value != date.max:
        value += timedelta(days=1)
    return beginning(value, zone)


def months_between(
    first: datetime, last: datetime, *, zone: ZoneInfo
) -> Iterator[tuple[datetime, datetime]]:
    """The calendar months in the zone from that of `first` to that of `last`, as instants."""
    day = first.astimezone(zone).date().replace(day=1)
    while beginning(day, zone) <= last:
        following = due_date(day, 1)
        yield beginning(day, zone), beginning(following, zone)
        day = following


def current_period(anchor: date, today: date) -> date | None:
    """The latest due date that is not after `today`; None before the first one."""
    if today < anchor:
        return None
    k = (today.year - anchor.year) * 12 + today.month - anchor.month
    due = due_date(anchor, k)
    return due if due <= today else due_date(anchor, k - 1)


def next_due(anchor: date, after: date) -> date:
    """The first due date strictly after a day."""
    if after < anchor:
        return anchor
    k = (after.year - anchor.year) * 12 + after.month - anchor.month
    due = due_date(anchor, k)
    return due if due > after else due_date(anchor, k + 1)


def due_dates(anchor: date, *, after: date) -> Iterator[date]:
    """Every due date strictly after a day, in order."""
    due = next_due(anchor, after)
    while due.year <= LAST_YEAR:
        yield due
        due = next_due(anchor, due)


def is_clamped(day: date, anchor: date) -> bool:
    """Whether the month was too short for the anchor's day, so that its last day stands in."""
    last = calendar.monthrange(day.year, day.month)[1]
    return day.day == last < anchor.day
