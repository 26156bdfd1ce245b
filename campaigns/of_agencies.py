"""What campaigns tell of all sub-accounts of an agency at once, for its Account Manager."""

from collections.abc import Mapping
from datetime import date, timedelta
from uuid import UUID

from django.db import connection
from django.db.models import Count

from accounts.models import Account
from accounts.runtime.snapshot import snapshot
from accounts.zones import zone_of
from campaigns.models import Campaign
from wallets.agencies.clients import Told, campaigns_told_by
from wallets.months import beginning

ZONES = "SELECT DISTINCT timezone FROM accounts_account WHERE agency_id = %s"
# Of each account what is kept of its days, by month where that is no day too many, and its calls
# since. Days that were kept in another zone count for nothing.
USED = """
SELECT a.id, COALESCE(CASE WHEN %(is_first)s AND k.until BETWEEN %(since)s AND %(until)s THEN (
    SELECT sum(m.seconds) FROM campaigns_usagemonth AS m
    WHERE m.account_id = a.id AND m.month >= %(since)s)
  ELSE (
    SELECT sum(u.seconds) FROM campaigns_usageday AS u
    WHERE u.account_id = a.id AND u.day >= %(since)s AND u.day <= %(until)s AND u.day <= k.until)
  END, 0)::bigint
  + COALESCE((
    SELECT sum(c.seconds) FROM campaigns_call AS c
    WHERE c.account_id = a.id AND c.ended_at >= greatest(z.begins, k.ends_at)
      AND c.ended_at < z.ends), 0)
FROM accounts_account AS a
JOIN unnest(%(zones)s::text[], %(begins)s::timestamptz[], %(ends)s::timestamptz[])
  AS z (name, begins, ends) ON z.name = a.timezone
LEFT JOIN campaigns_usagekept AS k ON k.account_id = a.id AND k.zone = a.timezone
WHERE a.agency_id = %(agency)s
"""


def paused(agency: Account) -> Mapping[UUID, int]:
    """How many campaigns of each sub-account are paused for low balance. One query."""
    rows = Campaign.objects.filter(account__agency=agency).paused_for_low_balance()
    return dict(rows.order_by().values_list("account").annotate(Count("pk")))


def used(agency: Account, since: date, until: date) -> Mapping[UUID, int]:
    """Seconds of calls of each sub-account, on its own days: what `usage` says. Two queries."""
    with snapshot(), connection.cursor() as cursor:
        cursor.execute(ZONES, [agency.pk])
        names = [name for (name,) in cursor.fetchall()]
        zones = [zone_of(name) for name in names]
        asked = {
            "agency": agency.pk,
            "since": since,
            "until": until,
            "is_first": since.day == 1,
            "zones": names,
            "begins": [beginning(since, zone) for zone in zones],
            "ends": [beginning(until + timedelta(days=1), zone) for zone in zones],
        }
        cursor.execute(USED, asked)
        return dict(cursor.fetchall())


campaigns_told_by(Told(paused=paused, used=used))
