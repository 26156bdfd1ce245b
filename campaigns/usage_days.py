"""Use by day, kept: counted from calls once a day has ended, so that a year is read fast.

A call that is reported late takes back what is kept from its day on: a trigger sees to it, in the
transaction that records the call, whoever writes it. Both sides hold one lock (`LOCK`), so that a
day is never counted while a late call of it is on its way. The next night keeps the days anew.
Triggers of the days themselves add and take them away from the sums of months and of agencies.
"""

import logging
from collections.abc import Sequence
from datetime import date, timedelta
from uuid import UUID, uuid4

from django.db import OperationalError, connection, transaction
from psycopg.errors import DeadlockDetected

from accounts import clock
from accounts.models import Account
from accounts.runtime.time_limits import TimeIsUp
from campaigns import limits
from campaigns.models import Call, UsageDay, UsageKept
from wallets.months import beginning

logger = logging.getLogger(__name__)

_FIRST, _LAST = UUID(int=0), UUID(int=2**128 - 1)

# Accounts with ended days that are not kept, in the order of their ids.
DUE = """
SELECT a.id FROM accounts_account AS a
LEFT JOIN campaigns_usagekept AS k ON k.account_id = a.id
WHERE a.id > %(after)s
  AND (k.account_id IS NULL OR k.until < %(due)s OR k.zone <> a.timezone OR EXISTS (
    SELECT 1 FROM campaigns_call AS c
    WHERE c.account_id = a.id AND c.ended_at >= k.ends_at AND c.ended_at < %(ended)s
    OFFSET %(few)s))
  AND EXISTS (
    SELECT 1 FROM campaigns_call AS c WHERE c.account_id = a.id AND c.ended_at < %(ended)s)
ORDER BY a.id LIMIT %(most)s
"""

# Late calls hold it together, who keeps days holds it alone. One of a few locks for all accounts: a
# transaction with late calls of a thousand of them must not fill the server's table of locks. Taken
# where the account's row is, as the trigger does: each node of a distributed table has its own.
LOCK = "SELECT pg_advisory_xact_lock(campaigns_usage_lock(id)) FROM accounts_account WHERE id = %s"

KEEP = """
INSERT INTO campaigns_usageday
    (account_id, day, begins_at, ends_at, campaign_id, minute_type, outcome, calls, seconds,
     included_seconds, premium_seconds, basic_seconds, cost)
SELECT %(account)s, (%(days)s::date[])[c.place], (%(begins)s::timestamptz[])[c.place],
       (%(ends)s::timestamptz[])[c.place], c.campaign_id, c.minute_type, c.outcome, c.calls,
       c.seconds, c.included_seconds, c.premium_seconds, c.basic_seconds, c.cost
FROM (
    SELECT width_bucket(ended_at, %(begins)s::timestamptz[]) AS place, campaign_id, minute_type,
           outcome, count(*) AS calls, sum(seconds) AS seconds,
           sum(included_seconds) AS included_seconds, sum(premium_seconds) AS premium_seconds,
           sum(basic_seconds) AS basic_seconds, sum(cost) AS cost
    FROM campaigns_call
    WHERE account_id = %(account)s AND ended_at >= %(first)s AND ended_at < %(last)s
    GROUP BY 1, 2, 3, 4) AS c
"""


def keep_all() -> int:
    """Keep the days that ended, of every account that has some. Returns of how many.

    May be repeated, and stopped anywhere: what is left is found the next night, which begins
    elsewhere, so that nobody is always behind the others. One that fails does not stop them; the
    first failure is raised at the end.
    """
    failures: list[Exception] = []
    begins = uuid4()
    kept = _keep_between(begins, _LAST, failures) + _keep_between(_FIRST, begins, failures)
    if failures:
        raise failures[0]
    return kept


def _keep_between(after: UUID, last: UUID, failures: list[Exception]) -> int:
    ended, kept = clock.now() - limits.USAGE_KEPT_AFTER, 0
    for _ in range(limits.USAGE_SLICES):
        found = _due(after)
        for account in Account.objects.filter(pk__in=found, pk__lte=last).order_by("pk"):
            try:
                kept += _kept_if_free(account, account.local_date(ended))
            except TimeIsUp:
                raise
            except Exception as error:
                logger.exception("days of account %s were not kept", account.pk)
                failures.append(error)
        if len(found) < limits.USAGE_SLICE or found[-1] > last:
            break
        after = found[-1]
    return kept


def _due(after: UUID) -> list[UUID]:
    ended = clock.now() - limits.USAGE_KEPT_AFTER
    asked = {
        "after": after,
        "due": ended.date() - limits.USAGE_KEPT_EVERY,
        # Everywhere the day of a call before this has ended.
        "ended": ended - timedelta(days=1),
        "few": limits.USAGE_FEW_CALLS,
        "most": limits.USAGE_SLICE,
    }
    with connection.cursor() as cursor:
        cursor.execute(DUE, asked)
        return [pk for (pk,) in cursor.fetchall()]


def _kept_if_free(account: Account, today: date) -> bool:
    """Late calls of several accounts of an agency may wait for its sums while these wait for one of
    them: the next night keeps what has to give way."""
    try:
        return keep(account=account, today=today)
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", "") != DeadlockDetected.sqlstate:
            raise
        logger.info("not kept, a deadlock account=%s", account.pk)
        return False


def keep(*, account: Account, today: date) -> bool:
    """Keep the account's days before this one of its own, those kept in another zone anew. Whether
    there were any. The day before ended `limits.USAGE_KEPT_AFTER` ago or earlier."""
    last = today - timedelta(days=1)
    any_kept = False
    for _ in range(limits.USAGE_BITES):
        if not _keep_bite(account, last):
            break
        any_kept = True
    return any_kept


@transaction.atomic
def _keep_bite(account: Account, last: date) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(LOCK, [account.pk])
    Account.objects.select_for_update(no_key=True).get(pk=account.pk)
    kept = UsageKept.objects.filter(account=account).first()
    if kept is None or kept.zone != account.timezone:
        UsageDay.objects.filter(account=account).delete()
        UsageKept.objects.filter(account=account).delete()
        kept = None
    first = kept.until + timedelta(days=1) if kept else _first_day(account)
    if first is None or first > last:
        return False
    until = min(last, first + timedelta(days=limits.USAGE_BITE_DAYS - 1))
    days = [first + timedelta(days=number) for number in range((until - first).days + 1)]
    _count(account, days)
    ends_at = beginning(until + timedelta(days=1), account.zone)
    begins_at = kept.begins_at if kept else beginning(first, account.zone)
    UsageKept.objects.update_or_create(
        account=account,
        defaults={
            "zone": account.timezone,
            "until": until,
            "begins_at": begins_at,
            "ends_at": ends_at,
        },
    )
    return True


def _first_day(account: Account) -> date | None:
    moments = Call.objects.filter(account=account).order_by("ended_at")
    first = moments.values_list("ended_at", flat=True).first()
    return account.local_date(first) if first else None


def _count(account: Account, days: Sequence[date]) -> None:
    edges = [beginning(day, account.zone) for day in (*days, days[-1] + timedelta(days=1))]
    asked = {
        "account": account.pk,
        "days": list(days),
        "begins": edges[:-1],
        "ends": edges[1:],
        "first": edges[0],
        "last": edges[-1],
    }
    with connection.cursor() as cursor:
        cursor.execute(KEEP, asked)
