"""PostgreSQL's table of time zones beside the pinned one: what differs is named, and not asked."""

import re
import warnings
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings
from django.db import connection

from accounts import clock, zones

APPS = ("accounts", "wallets", "campaigns", "thinkrr_billing")
# To convert by the name 'UTC' means the same to every table.
BY_THEIR_TABLE = re.compile(r"AT TIME ZONE (?!'UTC')|Trunc\w*\([^)]*tzinfo|AtTimeZone")
OFFSETS = """
SELECT name, array_agg(extract(epoch FROM (at AT TIME ZONE name) - (at AT TIME ZONE 'UTC'))::int
                       ORDER BY at)
FROM unnest(%s::timestamptz[]) AS at, unnest(%s::text[]) AS name
GROUP BY name
"""
NAMES = "SELECT name FROM pg_timezone_names"


def sources():
    for app in APPS:
        for path in Path(settings.BASE_DIR, app).rglob("*.py"):
            if not {"tests", "migrations"} & set(path.parts):
                yield path


@pytest.mark.parametrize(
    "line",
    [
        "date_trunc('month', p.created_at AT TIME ZONE a.timezone)",
        'TruncDate("closed_at", tzinfo=zone)',
    ],
)
def test_a_query_that_asks_postgresqls_table_is_found(line):
    assert BY_THEIR_TABLE.search(line)


def test_no_query_of_ours_asks_postgresqls_table():
    asking = [str(path) for path in sources() if BY_THEIR_TABLE.search(path.read_text())]

    assert asking == []


@pytest.mark.django_db
def test_what_postgresqls_table_says_differently_is_named():
    """A report, as a warning: the tables may differ, as long as only one is asked."""
    start = clock.now().replace(hour=12, minute=0, second=0, microsecond=0)
    days = [start + timedelta(days=day) for day in range(2 * 366)]
    with connection.cursor() as cursor:
        cursor.execute(NAMES)
        theirs = {name for (name,) in cursor.fetchall()}
        both = sorted(zones.known() & theirs)
        cursor.execute(OFFSETS, [days, both])
        offsets = dict(cursor.fetchall())

    differing = [name for name in both if offsets[name] != _ours(name, days)]
    missing = sorted(zones.known() - theirs)

    assert set(offsets) == set(both)
    assert len(both) > 500
    if differing or missing:
        warnings.warn(
            f"PostgreSQL's table of zones says otherwise for {', '.join(differing) or 'none'}; it "
            f"lacks {', '.join(missing) or 'none'}. Nothing of ours asks it.",
            stacklevel=1,
        )


def _ours(name: str, days: list[datetime]) -> list[int]:
    zone = ZoneInfo(name)
    return [int(day.astimezone(zone).utcoffset().total_seconds()) for day in days]


def test_both_tables_are_asked_at_the_same_moments():
    noon = datetime(2026, 7, 1, 12, tzinfo=UTC)

    assert _ours("America/New_York", [noon]) == [-4 * 3600]
