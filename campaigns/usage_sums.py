"""The sums behind Usage, from where they are kept: days that have ended (`usage_days`), months of
an account and days of an agency, which are summed up already, and the calls since.

One statement for each time zone there is among the accounts, however many accounts and calls.
"""

from collections import defaultdict
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from django.db import connections, models
from django.db.backends.utils import CursorWrapper

from accounts.models import Account
from accounts.runtime.columns import column
from accounts.runtime.snapshot import snapshot
from accounts.zones import zone_of
from wallets.months import beginning, due_date


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


class Whose(NamedTuple):
    """An account, as far as Usage knows it: an agency has hundreds."""

    pk: UUID
    name: str
    timezone: str


@dataclass(frozen=True)
class Asked:
    """Which calls: of these accounts, on these days (both included), of these kinds."""

    accounts: Sequence[Account | Whose]
    since: date
    until: date
    campaigns: Sequence[int] | None = None
    minute_type: str = ""
    outcome: str = ""
    # The agency of which these are all accounts: its days are summed up already.
    agency: UUID | None = None

    def before(self) -> "Asked":
        """The same for as many days right before."""
        days = (self.until - self.since).days + 1
        since, until = (day - timedelta(days=days) for day in (self.since, self.until))
        return replace(self, since=since, until=until)


class Sum(NamedTuple):
    """What was used on a day, or by what `key` names."""

    is_day: bool
    day: date | None
    key: object
    figures: Figures


# By zone until when days are kept, of all its accounts at least and of one at most; and whether
# there are some of another zone, or of which nobody knows until when they are.
KEPT = """
SELECT a.zone, CASE WHEN count(*) = count(k.until) THEN min(k.until) END, max(k.until),
       bool_or(other.account_id IS NOT NULL)
FROM unnest(%(accounts)s::uuid[], %(zones)s::text[]) AS a (id, zone)
LEFT JOIN campaigns_usagekept AS k ON k.account_id = a.id AND k.zone = a.zone
LEFT JOIN LATERAL (
    SELECT account_id FROM campaigns_usageday WHERE account_id = a.id AND k.account_id IS NULL
    LIMIT 1) AS other ON true
GROUP BY a.zone
"""
# The days that are kept of each account.
DAYS = """
    SELECT u.account_id, u.day, true AS in_days, u.day >= %(since)s AS in_lines, u.campaign_id,
           u.minute_type, u.outcome, u.calls, u.seconds, u.included_seconds, u.premium_seconds,
           u.basic_seconds, u.cost
    FROM campaigns_usagekept AS k
    JOIN campaigns_usageday AS u ON u.account_id = k.account_id
      AND u.day >= %(first)s AND u.day <= %(until)s AND u.day <= k.until
    WHERE k.account_id = ANY(%(accounts)s::uuid[]) AND k.zone = %(zone)s
"""
# For the lines whole months of each account and days before and after them, for the chart whole
# days of the agency. By one look into the index for each account: joined, all would be read.
SUMS = """
    SELECT k.account_id, u.day, false AS in_days, true AS in_lines, u.campaign_id,
           u.minute_type, u.outcome, u.calls, u.seconds, u.included_seconds, u.premium_seconds,
           u.basic_seconds, u.cost
    FROM campaigns_usagekept AS k
    CROSS JOIN unnest(%(spans)s::date[], %(span_ends)s::date[]) AS r (since, until)
    CROSS JOIN LATERAL (
        SELECT * FROM campaigns_usageday
        WHERE account_id = k.account_id AND day >= r.since AND day < r.until AND day <= k.until
        OFFSET 0) AS u
    WHERE k.account_id = ANY(%(accounts)s::uuid[])
    UNION ALL
    SELECT a.id, NULL, false, true, m.campaign_id, m.minute_type, m.outcome, m.calls, m.seconds,
           m.included_seconds, m.premium_seconds, m.basic_seconds, m.cost
    FROM unnest(%(accounts)s::uuid[]) AS a (id)
    CROSS JOIN LATERAL (
        SELECT * FROM campaigns_usagemonth
        WHERE account_id = a.id AND month >= %(month)s AND month < %(next_month)s AND calls > 0
        OFFSET 0) AS m
    UNION ALL
    SELECT NULL, d.day, true, %(of_agency)s AND d.day >= %(since)s, NULL, d.minute_type, d.outcome,
           d.calls, d.seconds, d.included_seconds, d.premium_seconds, d.basic_seconds, d.cost
    FROM campaigns_agencyusageday AS d
    WHERE d.agency_id = %(agency)s::uuid AND d.day >= %(first)s AND d.day <= %(until)s
      AND d.calls > 0
"""
# One scan: by day, and by what was asked for of the days that are shown; those before are only
# compared with. Calls are read by one look into their index for each account: joined with days, all
# of them would be.
USED = """
WITH parts AS (
    {kept}
    UNION ALL
    SELECT a.id, c.day, true, c.day >= %(since)s, c.campaign_id, c.minute_type, c.outcome, 1,
           c.seconds, c.included_seconds, c.premium_seconds, c.basic_seconds, c.cost
    FROM unnest(%(accounts)s::uuid[]) AS a (id)
    LEFT JOIN campaigns_usagekept AS k ON k.account_id = a.id AND k.zone = %(zone)s
    CROSS JOIN LATERAL (
        SELECT (%(days)s::date[])[width_bucket(ended_at, %(begins)s::timestamptz[])] AS day,
               campaign_id, minute_type, outcome, seconds, included_seconds, premium_seconds,
               basic_seconds, cost
        FROM campaigns_call
        WHERE account_id = a.id AND ended_at >= greatest(k.ends_at, %(counted)s)
          AND ended_at < %(ends)s
        OFFSET 0) AS c
)
SELECT GROUPING(day) = 0 AS is_day, day, {by}, sum(calls)::bigint, sum(seconds)::bigint,
       sum(included_seconds)::bigint, sum(premium_seconds)::bigint, sum(basic_seconds)::bigint,
       sum(cost)
FROM parts
WHERE (%(campaigns)s::bigint[] IS NULL OR campaign_id = ANY(%(campaigns)s))
  AND (%(minute_type)s = '' OR minute_type = %(minute_type)s)
  AND (%(outcome)s = '' OR outcome = %(outcome)s)
GROUP BY {groups}
"""
_DAYS = "GROUPING SETS ((day, in_days)) HAVING in_days"
_DAYS_AND = """GROUPING SETS ((day, in_days), ({by}, in_lines))
HAVING CASE GROUPING(day) WHEN 0 THEN in_days ELSE in_lines END"""
_COLUMNS = {
    By.CAMPAIGN: "campaign_id",
    By.ACCOUNT: "account_id",
    By.MINUTE_TYPE: "minute_type",
    By.OUTCOME: "outcome",
}
# An agency's sums do not say whose they are.
_OF_ACCOUNTS = (By.CAMPAIGN, By.ACCOUNT)
_DAY = timedelta(days=1)


class Kept(NamedTuple):
    """Until when days of a zone's accounts are kept: of all of them, and of one at most; None
    where there are none."""

    all_until: date | None = None
    latest: date | None = None


def read(asked: Asked, by: By, first: date, using: str) -> list[Sum]:
    """By day from `first` on, and by `by` of the days that are asked for; a day or a key may be
    named several times."""
    by_zone: dict[str, list[UUID]] = defaultdict(list)
    for account in asked.accounts:
        by_zone[account.timezone].append(account.pk)
    named = _COLUMNS.get(by, "NULL")
    groups = _DAYS if by == By.DAY else _DAYS_AND.format(by=named)
    found = []
    # Sums and what is not among them yet must be of one moment.
    at_once = snapshot(using) if asked.agency else nullcontext()
    with at_once, connections[using].cursor() as cursor:
        kept, plan = _plan(cursor, asked, by)
        statement = USED.format(by=named, groups=groups, kept=SUMS if plan else DAYS)
        for zone, ids in by_zone.items():
            cursor.execute(statement, plan | _parameters(asked, first, zone, ids, kept[zone]))
            for is_day, day, key, *sums in cursor.fetchall():
                found.append(Sum(is_day, day, key, Figures(*sums)))
            # Once, whatever the zones.
            plan |= {"agency": None}
    return found


def _plan(cursor: CursorWrapper, asked: Asked, by: By) -> tuple[dict[str, Kept], dict[str, object]]:
    """Until when days are kept by zone, and which sums are read, if any."""
    accounts = column(account.pk for account in asked.accounts)
    zones = [account.timezone for account in asked.accounts]
    cursor.execute(KEPT, {"accounts": accounts, "zones": zones})
    kept, are_known = {}, True
    for zone, all_until, latest, has_others in cursor.fetchall():
        kept[zone] = Kept(all_until, latest)
        are_known = are_known and not has_others
    # The sums have all days there are.
    if asked.agency is None or asked.campaigns is not None or not are_known:
        return kept, {}
    latest = max((one.latest for one in kept.values() if one.latest), default=asked.until)
    month, next_month = _whole_months(asked, latest)
    after = asked.until + _DAY
    spans = [(asked.since, min(month, after)), (next_month, after)]
    if by not in _OF_ACCOUNTS:
        spans, next_month = [], month
    spans = [(begin, end) for begin, end in spans if begin < end]
    return kept, {
        "agency": asked.agency,
        "of_agency": by not in _OF_ACCOUNTS,
        "month": month,
        "next_month": next_month,
        "spans": column(begin for begin, _ in spans),
        "span_ends": column(end for _, end in spans),
    }


def _whole_months(asked: Asked, latest: date) -> tuple[date, date]:
    """From the first day of a month to that of a later one, or the same: months of which no day was
    kept that is not asked for."""
    first, last = asked.since.replace(day=1), asked.until.replace(day=1)
    month = first if first == asked.since else due_date(first, 1)
    next_month = due_date(last, 1)
    if next_month > asked.until + _DAY and latest > asked.until:
        next_month = last
    return month, max(month, next_month)


def _parameters(
    asked: Asked, first: date, name: str, ids: list[UUID], kept: Kept
) -> dict[str, object]:
    zone = zone_of(name)
    # Days that are kept of every account are counted from no call.
    counted = max(first, kept.all_until + _DAY) if kept.all_until else first
    days = [counted + timedelta(days=n) for n in range((asked.until - counted).days + 1)]
    days = days or [counted]
    begins = [beginning(day, zone) for day in days]
    return {
        "accounts": column(ids),
        "zone": name,
        "first": first,
        "since": asked.since,
        "until": asked.until,
        "counted": begins[0],
        "days": column(days),
        "begins": column(begins),
        "ends": beginning(asked.until + _DAY, zone),
        "campaigns": None if asked.campaigns is None else list(asked.campaigns),
        "minute_type": asked.minute_type,
        "outcome": asked.outcome,
    }
