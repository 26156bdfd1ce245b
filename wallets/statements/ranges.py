"""Days that people ask for: read as they mean them, or refused in a sentence."""

from datetime import date
from typing import Never

from accounts.errors import Unusable
from wallets import limits
from wallets.texts import day


def read_day(text: str, *, field: str) -> date | None:
    """The day a text names, like 2026-11-22; None for an empty one. Raises Unusable."""
    text = text.strip()
    if not text:
        return None
    try:
        found = date.fromisoformat(text)
    except ValueError:
        found = None
    # It also takes weeks, and days without dashes.
    if found is None or found.isoformat() != text:
        _refuse(field, f"“{text[:20]}” is no day. Write it like 2026-11-22.")
    return found


def read_month(text: str, *, today: date, field: str = "month") -> date:
    """The first day of a month like 2026-11, which has begun. Raises Unusable."""
    found = None
    if len(text) == len("2026-11"):
        try:
            found = date.fromisoformat(f"{text}-01")
        except ValueError:
            found = None
    if found is None:
        _refuse(field, f"“{text[:20]}” is no month. Write it like 2026-11.")
    check_year(found.year, field=field)
    if found > today:
        _refuse(field, f"{found:%B %Y} has not begun yet.")
    return found


def check_year(year: int, *, field: str) -> None:
    """Raise Unusable for a year before there was anything."""
    if year < limits.EXPORT_FIRST_YEAR:
        _refuse(field, f"There was nothing yet. Choose a day from {limits.EXPORT_FIRST_YEAR} on.")


def check(*, since: date | None, until: date | None, today: date | None = None) -> None:
    """Raise Unusable for a range the wrong way round, one that begins after `today`, and for days
    before there was anything.
    """
    for field, given in (("until", until), ("since", since)):
        if given is not None:
            check_year(given.year, field=field)
    if today is not None and since is not None and since > today:
        _refuse("since", f"{day(since)} is still to come. Choose {day(today)} or a day before it.")
    if since is not None and until is not None and since > until:
        _refuse("until", f"{day(until)} is before {day(since)}. Turn the days round.")


def _refuse(field: str, sentence: str) -> Never:
    raise Unusable(sentence, fields={field: sentence})
