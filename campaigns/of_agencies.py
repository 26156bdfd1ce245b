"""What campaigns tell of all sub-accounts of an agency at once, for its Account Manager."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from uuid import UUID

from django.db import connection
from django.db.models import Count

from accounts import zones
from accounts.models import Account
from accounts.runtime.columns import column
from accounts.runtime.snapshot import snapshot
from campaigns.models import Campaign
from wallets.agencies.clients import Told, campaigns_told_by
from wallets.months import beginning

# Until when each account's days are kept, if they are of the zone it has now.
KEPT = """
SELECT a.id, a.timezone, k.until, k.ends_at
FROM accounts_account AS a
LEFT JOIN campaigns_usagekept AS k ON k.account_id = a.id AND k.zone = a.timezone
WHERE a.agency_id = %s
"""
# Of each account what is kept of its days, by month where that is no day too many, and its calls
# since.
USED = """
SELECT a.id, COALESCE(CASE WHEN %(is_first)s AND a.kept BETWEEN %(since)s AND %(until)s THEN (
    SELECT sum(m.seconds) FROM campaigns_usagemonth AS m
    WHERE m.account_id = a.id AND m.month >= %(since)s)
  ELSE (
    SELECT sum(u.seconds) FROM campaigns_usageday AS u
    WHERE u.account_id = a.id AND u.day >= %(since)s AND u.day <= least(%(until)s, a.kept)) END, 0)
  + COALESCE((
    SELECT sum(c.seconds) FROM campaigns_call AS c
    WHERE c.account_id = a.id AND c.ended_at >= a.begins AND c.ended_at < a.ends), 0)
FROM unnest(%(accounts)s::uuid[], %(kept)s::date[], %(begins)s::timestamptz[],
            %(ends)s::timestamptz[]) AS a (id, kept, begins, ends)
"""


def paused(agency: Account) -> Mapping[UUID, int]:
    """How many campaigns of each sub-account are paused for low balance. One query."""
    rows = Campaign.objects.filter(account__agency=agency).paused_for_low_balance()
    return dict(rows.order_by().values_list("account").annotate(Count("pk")))


def used(agency: Account, since: date, until: date) -> Mapping[UUID, int]:
    """Seconds of calls of each sub-account, on its own days: what `usage` says. Two queries."""
    edges: dict[str, tuple[datetime, datetime]] = {}
    ids, kept, begins, ends = [], [], [], []
    with snapshot(), connection.cursor() as cursor:
        cursor.execute(KEPT, [agency.pk])
        for pk, name, kept_until, kept_ends in cursor.fetchall():
            if name not in edges:
                zone = zones.zone_of(name)
                edges[name] = beginning(since, zone), beginning(until + timedelta(days=1), zone)
            first, last = edges[name]
            ids.append(pk)
            kept.append(kept_until or date.min)
            begins.append(max(first, kept_ends) if kept_ends else first)
            ends.append(last)
        asked = {"accounts": ids, "kept": kept, "begins": begins, "ends": ends}
        columns = {name: column(values) for name, values in asked.items()}
        days = {"since": since, "until": until, "is_first": since.day == 1}
        cursor.execute(USED, columns | days)
        return {pk: int(seconds) for pk, seconds in cursor.fetchall()}


campaigns_told_by(Told(paused=paused, used=used))
