"""Time zones: what each name means is said by one table, the pinned tzdata's.

Settings take the machine's files out of the way, and no query asks PostgreSQL, whose own table
differs in a dozen names (docs/decisions/0013). What a name means must not depend on who is asked.
"""

from datetime import datetime, timedelta
from functools import cache
from importlib import resources
from zoneinfo import ZoneInfo, available_timezones

# Names of a machine's set-up, of no place: PostgreSQL or a browser does not know them, or has
# another meaning for them.
NOT_OFFERED = frozenset({"Factory", "localtime", "posixrules"})
# What stands for a name that nobody knows: the books name the account (I14).
FALLBACK = ZoneInfo("UTC")


@cache
def known() -> frozenset[str]:
    """Every name the table has."""
    return frozenset(available_timezones())


@cache
def cities() -> tuple[str, ...]:
    """The names that stand for a city, in order, and UTC: what a person chooses from. Other names
    that `offered` has are old spellings of these, or no place at all."""
    table = resources.files("tzdata").joinpath("zoneinfo", "zone.tab").read_text()
    rows = [line.split("\t") for line in table.splitlines() if line and line[0] != "#"]
    return tuple(sorted({row[2] for row in rows} & known() | {"UTC"}))


def city(name: str, *, at: datetime) -> str:
    """How a person knows it: "New York (UTC−05:00)", with its offset at a moment."""
    offset = at.astimezone(zone_of(name)).utcoffset() or timedelta()
    minutes = abs(int(offset.total_seconds())) // 60
    sign = "\N{MINUS SIGN}" if offset < timedelta() else "+"
    if name == "UTC":
        return name
    place = " - ".join(reversed(name.split("/")[1:])) or name
    return f"{place.replace('_', ' ')} (UTC{sign}{minutes // 60:02}:{minutes % 60:02})"


@cache
def offered() -> tuple[str, ...]:
    """The names a person or a program may choose, in order."""
    return tuple(sorted(known() - NOT_OFFERED))


def zone_of(name: str) -> ZoneInfo:
    """What a stored name means. One that nobody knows is UTC, and stops nothing."""
    return ZoneInfo(name) if name in known() else FALLBACK
