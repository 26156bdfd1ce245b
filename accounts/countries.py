"""Countries by their two letters (ISO 3166): the table that comes with the pinned time zones."""

from functools import cache
from importlib import resources

from django.core.exceptions import ValidationError


@cache
def names() -> dict[str, str]:
    """What each is called, by its letters, in the order of their names."""
    table = resources.files("tzdata.zoneinfo").joinpath("iso3166.tab").read_text(encoding="utf-8")
    rows = (line.split("\t", 1) for line in table.splitlines() if not line.startswith("#"))
    return dict(sorted(((code, name.strip()) for code, name in rows), key=lambda one: one[1]))


def name_of(code: str) -> str:
    """What papers say; letters that nobody knows as they are."""
    return names().get(code, code)


def validate(code: str) -> None:
    if code not in names():
        raise ValidationError(f"“{code}” is no country. Use two capital letters, like US.")
