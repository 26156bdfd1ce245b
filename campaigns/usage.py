"""What calls used in a range of days: by day, campaign, account, minute type or outcome.

A call counts on the day it ended, where its account is.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from django.db import DEFAULT_DB_ALIAS

from accounts.errors import Unusable
from campaigns import limits, usage_sums
from campaigns.models import Call, Campaign, MinuteUse
from campaigns.usage_sums import Asked, By, Figures
from wallets.statements import ranges


@dataclass(frozen=True)
class Line:
    """A row of the table: `key` is a day, an id or a name of ours, `name` what programs know it
    by (None: no campaign), and `label` is how people read it.
    """

    key: object
    name: str | None
    label: str
    figures: Figures


@dataclass(frozen=True)
class Usage:
    """`days` has every day of the range, `lines` what there is by `by`, the most used first."""

    total: Figures
    days: list[tuple[date, Figures]]
    lines: list[Line]


def earlier(until: date) -> date:
    """The first of as many days as are shown when only the last one is known."""
    days = limits.USAGE_USUAL_DAYS - 1
    return until - timedelta(days=days) if (until - date.min).days > days else until


def check(*, since: date, until: date, today: date) -> None:
    """Raise Unusable for days the wrong way round, to come, or more than two years of them."""
    ranges.check(since=since, until=until, today=today)
    if (until - since).days >= limits.USAGE_MOST_DAYS:
        text = f"Ask for at most {limits.USAGE_MOST_DAYS} days at once: two years."
        raise Unusable(text, fields={"until": text})


def usage(*, asked: Asked, by: By, using: str = DEFAULT_DB_ALIAS) -> Usage:
    """What was used, by day and by `by`. At most one statement a zone, and two for names.

    `using` says which database is asked: the figures may come from a standby.
    """
    found, _ = _usage(asked, by, asked.since, using)
    return found


def compared(*, asked: Asked, by: By, using: str = DEFAULT_DB_ALIAS) -> tuple[Usage, Figures]:
    """The same, and all that was used on as many days right before. As many statements."""
    return _usage(asked, by, asked.before().since, using)


def _usage(asked: Asked, by: By, first: date, using: str) -> tuple[Usage, Figures]:
    by_day: dict[date, Figures] = {}
    by_key: dict[object, Figures] = {}
    before = Figures()
    for one in usage_sums.read(asked, by, first, using):
        if not one.is_day:
            by_key[one.key] = _added(one.figures, by_key.get(one.key))
        elif one.day < asked.since:
            before += one.figures
        else:
            by_day[one.day] = _added(one.figures, by_day.get(one.day))
    days = [asked.since + timedelta(days=n) for n in range((asked.until - asked.since).days + 1)]
    shown = [(day, by_day.get(day, Figures())) for day in days]
    lines = _day_lines(shown) if by == By.DAY else _lines(by_key, by, asked, using)
    return Usage(total=sum(by_day.values(), Figures()), days=shown, lines=lines), before


def _added(figures: Figures, before: Figures | None) -> Figures:
    return figures if before is None else before + figures


def _day_lines(days: list[tuple[date, Figures]]) -> list[Line]:
    return [Line(day, f"{day}", f"{day}", figures) for day, figures in reversed(days)]


def _lines(found: dict[object, Figures], by: By, asked: Asked, using: str) -> list[Line]:
    named = _named(found, by, asked, using)
    if by == By.ACCOUNT:
        found = {account.pk: found.get(account.pk, Figures()) for account in asked.accounts}
    lines = [Line(key, *named.get(key, (str(key),) * 2), one) for key, one in found.items()]
    lines.sort(key=lambda line: (-line.figures.seconds, -line.figures.calls, line.label))
    return lines


def _named(
    found: Iterable[object], by: By, asked: Asked, using: str
) -> dict[object, tuple[str | None, str]]:
    """Of each key the name and the label; of several accounts, whose a campaign is."""
    if by == By.CAMPAIGN:
        rows = Campaign.objects.using(using).filter(pk__in=[pk for pk in found if pk is not None])
        told = rows.values_list("pk", "external_id", "name", "account__name")
        whose = " ({})" if len(asked.accounts) > 1 else ""
        named = {pk: (name, label + whose.format(account)) for pk, name, label, account in told}
        return {None: (None, "No campaign"), **named}
    if by == By.ACCOUNT:
        return {account.pk: (str(account.pk), account.name) for account in asked.accounts}
    choices = MinuteUse.choices if by == By.MINUTE_TYPE else Call.Outcome.choices
    return {value: (value, label) for value, label in choices}
