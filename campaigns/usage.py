"""What calls used in a range of days: by day, campaign, account, minute type or outcome.

A call counts on the day it ended, where its account is. Days that have ended are read as they were
kept (`usage_days`), the latest are counted from calls: one statement for each time zone there is
among the accounts, however many accounts and calls.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import connection, models

from accounts.errors import Unusable
from accounts.models import Account
from accounts.runtime.columns import column
from campaigns import limits
from campaigns.models import Call, Campaign, MinuteUse
from wallets.months import beginning
from wallets.statements import ranges


class By(models.TextChoices):
    DAY = "day", "Day"
    CAMPAIGN = "campaign", "Campaign"
    ACCOUNT = "account", "Account"
    MINUTE_TYPE = "minute_type", "Minute type"
    OUTCOME = "outcome", "Outcome"


@dataclass(frozen=True)
class Figures:
    """Sums over calls: whole seconds, dollars of credit."""

    calls: int = 0
    seconds: int = 0
    included_seconds: int = 0
    premium_seconds: int = 0
    basic_seconds: int = 0
    cost: Decimal = Decimal(0)

    def __add__(self, other: "Figures") -> "Figures":
        return Figures(
            self.calls + other.calls,
            self.seconds + other.seconds,
            self.included_seconds + other.included_seconds,
            self.premium_seconds + other.premium_seconds,
            self.basic_seconds + other.basic_seconds,
            self.cost + other.cost,
        )

    @property
    def average_seconds(self) -> Decimal:
        """Of a call, to the tenth of a second; 0 without calls."""
        average = Decimal(self.seconds) / self.calls if self.calls else Decimal(0)
        return average.quantize(Decimal("0.1"))

    @property
    def minute_seconds(self) -> int:
        """What minutes paid, of whichever pot."""
        return self.included_seconds + self.premium_seconds + self.basic_seconds


@dataclass(frozen=True)
class Asked:
    """Which calls: of these accounts, on these days (both included), of these kinds."""

    accounts: Sequence[Account]
    since: date
    until: date
    campaigns: Sequence[int] | None = None
    minute_type: str = ""
    outcome: str = ""

    def before(self) -> "Asked":
        """The same for as many days right before."""
        days = (self.until - self.since).days + 1
        since, until = (day - timedelta(days=days) for day in (self.since, self.until))
        kinds = (self.campaigns, self.minute_type, self.outcome)
        return Asked(self.accounts, since, until, *kinds)


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


# Until when each account's days are kept.
KEPT = """
SELECT account_id, zone, until, ends_at FROM campaigns_usagekept
WHERE account_id = ANY (%s::uuid[])
"""
# One scan: by day, and by what was asked for of the days that are shown; those before are only
# compared with. Calls are read by one look into their index for each account: joined with days, all
# of them would be.
USED = """
WITH parts AS (
    SELECT u.account_id, u.day, u.day >= %(since)s AS shown, u.campaign_id, u.minute_type,
           u.outcome, u.calls, u.seconds, u.included_seconds, u.premium_seconds, u.basic_seconds,
           u.cost
    FROM unnest(%(accounts)s::uuid[], %(kept)s::date[]) AS a (id, kept)
    JOIN campaigns_usageday AS u
      ON u.account_id = a.id AND u.day >= %(first)s AND u.day <= %(until)s AND u.day <= a.kept
    UNION ALL
    SELECT a.id, c.day, c.day >= %(since)s, c.campaign_id, c.minute_type, c.outcome, 1, c.seconds,
           c.included_seconds, c.premium_seconds, c.basic_seconds, c.cost
    FROM unnest(%(accounts)s::uuid[], %(since_moments)s::timestamptz[]) AS a (id, since)
    CROSS JOIN LATERAL (
        SELECT (%(days)s::date[])[width_bucket(ended_at, %(begins)s::timestamptz[])] AS day,
               campaign_id, minute_type, outcome, seconds, included_seconds, premium_seconds,
               basic_seconds, cost
        FROM campaigns_call
        WHERE account_id = a.id AND ended_at >= a.since AND ended_at < %(ends)s OFFSET 0) AS c
)
SELECT GROUPING(day) = 0 AS is_day, day, {by}, sum(calls), sum(seconds), sum(included_seconds),
       sum(premium_seconds), sum(basic_seconds), sum(cost)
FROM parts
WHERE (%(campaigns)s::bigint[] IS NULL OR campaign_id = ANY(%(campaigns)s))
  AND (%(minute_type)s = '' OR minute_type = %(minute_type)s)
  AND (%(outcome)s = '' OR outcome = %(outcome)s)
GROUP BY {groups}
"""
_DAYS_AND = "GROUPING SETS ((day), (shown, {by})) HAVING GROUPING(day) = 0 OR shown"
_COLUMNS = {
    By.CAMPAIGN: "campaign_id",
    By.ACCOUNT: "account_id",
    By.MINUTE_TYPE: "minute_type",
    By.OUTCOME: "outcome",
}


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


def usage(*, asked: Asked, by: By) -> Usage:
    """What was used, by day and by `by`. At most one statement a zone, and two for names."""
    found, _ = _usage(asked, by, asked.since)
    return found


def compared(*, asked: Asked, by: By) -> tuple[Usage, Figures]:
    """The same, and all that was used on as many days right before. As many statements."""
    return _usage(asked, by, asked.before().since)


def _usage(asked: Asked, by: By, first: date) -> tuple[Usage, Figures]:
    by_day: dict[date, Figures] = {}
    by_key: dict[object, Figures] = {}
    before = Figures()
    for is_day, day, key, figures in _rows(asked, by, first):
        if not is_day:
            by_key[key] = by_key[key] + figures if key in by_key else figures
        elif day < asked.since:
            before += figures
        else:
            by_day[day] = by_day[day] + figures if day in by_day else figures
    days = [asked.since + timedelta(days=n) for n in range((asked.until - asked.since).days + 1)]
    shown = [(day, by_day.get(day, Figures())) for day in days]
    lines = _day_lines(shown) if by == By.DAY else _lines(by_key, by, asked)
    return Usage(total=sum(by_day.values(), Figures()), days=shown, lines=lines), before


def _rows(asked: Asked, by: By, first: date) -> Iterable[tuple[bool, date | None, object, Figures]]:
    kept = _kept(asked.accounts)
    by_zone: dict[ZoneInfo, list[UUID]] = defaultdict(list)
    for account in asked.accounts:
        by_zone[account.zone].append(account.pk)
    named = _COLUMNS.get(by, "NULL")
    groups = "day" if by == By.DAY else _DAYS_AND.format(by=named)
    statement = USED.format(by=named, groups=groups)
    for zone, ids in by_zone.items():
        with connection.cursor() as cursor:
            cursor.execute(statement, _parameters(asked, first, zone, ids, kept))
            for is_day, day, key, *sums in cursor.fetchall():
                *whole, cost = sums
                yield is_day, day, key, Figures(*map(int, whole), cost)


def _kept(accounts: Sequence[Account]) -> dict[UUID, tuple[date, datetime]]:
    """Until when each account's days are kept, if they are of the zone it has now."""
    zones = {account.pk: account.timezone for account in accounts}
    with connection.cursor() as cursor:
        cursor.execute(KEPT, [column(zones)])
        found = cursor.fetchall()
    return {pk: (until, ends_at) for pk, zone, until, ends_at in found if zones[pk] == zone}


def _parameters(
    asked: Asked,
    first: date,
    zone: ZoneInfo,
    ids: list[UUID],
    kept: dict[UUID, tuple[date, datetime]],
) -> dict[str, object]:
    begins, ends = beginning(first, zone), beginning(asked.until + timedelta(days=1), zone)
    days_kept, kept_ends = zip(*(kept.get(pk, (None, begins)) for pk in ids), strict=True)
    # Days that are kept of every account are counted from no call.
    counted = min(max(first, day + timedelta(days=1)) if day else first for day in days_kept)
    days = [counted + timedelta(days=n) for n in range((asked.until - counted).days + 1)]
    days = days or [counted]
    return {
        "accounts": column(ids),
        "kept": column(day or "NULL" for day in days_kept),
        "first": first,
        "since": asked.since,
        "until": asked.until,
        "since_moments": column(max(begins, moment) for moment in kept_ends),
        "days": column(days),
        "begins": column(beginning(day, zone) for day in days),
        "ends": ends,
        "campaigns": None if asked.campaigns is None else list(asked.campaigns),
        "minute_type": asked.minute_type,
        "outcome": asked.outcome,
    }


def _day_lines(days: list[tuple[date, Figures]]) -> list[Line]:
    return [Line(day, f"{day}", f"{day}", figures) for day, figures in reversed(days)]


def _lines(found: dict[object, Figures], by: By, asked: Asked) -> list[Line]:
    named = _named(found, by, asked)
    if by == By.ACCOUNT:
        found = {account.pk: found.get(account.pk, Figures()) for account in asked.accounts}
    lines = [Line(key, *named.get(key, (str(key),) * 2), one) for key, one in found.items()]
    lines.sort(key=lambda line: (-line.figures.seconds, -line.figures.calls, line.label))
    return lines


def _named(found: Iterable[object], by: By, asked: Asked) -> dict[object, tuple[str | None, str]]:
    """Of each key the name and the label; of several accounts, whose a campaign is."""
    if by == By.CAMPAIGN:
        rows = Campaign.objects.filter(pk__in=[pk for pk in found if pk is not None])
        told = rows.values_list("pk", "external_id", "name", "account__name")
        whose = " ({})" if len(asked.accounts) > 1 else ""
        named = {pk: (name, label + whose.format(account)) for pk, name, label, account in told}
        return {None: (None, "No campaign"), **named}
    if by == By.ACCOUNT:
        return {account.pk: (str(account.pk), account.name) for account in asked.accounts}
    choices = MinuteUse.choices if by == By.MINUTE_TYPE else Call.Outcome.choices
    return {value: (value, label) for value, label in choices}
