"""Time zones: what each name means is said by one table, the pinned tzdata's.

Settings take the machine's files out of the way, and no query asks PostgreSQL, whose own table
differs in a dozen names (docs/decisions/0013). What a name means must not depend on who is asked.
"""

from functools import cache
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
def offered() -> tuple[str, ...]:
    """The names a person or a program may choose, in order."""
    return tuple(sorted(known() - NOT_OFFERED))


def zone_of(name: str) -> ZoneInfo:
    """What a stored name means. One that nobody knows is UTC, and stops nothing."""
    return ZoneInfo(name) if name in known() else FALLBACK
