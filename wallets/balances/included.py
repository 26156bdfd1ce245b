"""Included minutes: what comes with a plan, reset each month on the account's anchor day.

Only for agencies and individuals, in the account's own time zone. After an outage only the
current period is granted: Included minutes do not add up. After the anchor day has moved, the next
one begins on the first new anchor day at least a month after the last that was granted.
"""

import logging
import time
from datetime import date, datetime, timedelta

from django.db import connection, transaction
from django.db.models import Max, Q

from accounts import clock
from accounts.models import Account
from accounts.runtime.nudges import nudge
from accounts.runtime.time_limits import TimeIsUp
from accounts.runtime.waits import note_done
from accounts.zones import zone_of
from wallets import limits
from wallets.balances import holds, ledger
from wallets.balances.opening import open_wallet
from wallets.models import LedgerEntry, Pot, Wallet
from wallets.months import beginning, on_day

logger = logging.getLogger(__name__)


# Whoever comes with minutes, or has some left, and has neither reset nor grant of this period, nor
# a grant less than a month before it.
_OLDEST_DUE = """
    SELECT min(GREATEST(p.begins, a.created_at))
    FROM unnest(%s::text[], %s::int[], %s::text[], %s::date[], %s::timestamptz[])
         AS p (zone, day, reset, period, begins)
    JOIN accounts_account a ON a.timezone = p.zone AND a.included_anchor_day = p.day
         AND a.status = 'active' AND a.kind <> 'sub_account'
    LEFT JOIN wallets_wallet w ON w.account_id = a.id
    WHERE (a.included_minutes > 0 OR w.included_seconds > 0)
      AND NOT EXISTS (
          SELECT FROM wallets_ledgerentry e
          WHERE e.wallet_id = w.id AND e.pot = 'included' AND e.key = p.reset)
      AND COALESCE(split_part((
          SELECT max(e.key) FROM wallets_ledgerentry e
          WHERE e.wallet_id = w.id AND e.pot = 'included' AND e.kind = 'included_grant'
      ), ':', 2)::date + interval '1 month' <= p.period, true)
"""


def period_of(*, anchor_day: int, today: date) -> date:
    """The first day of the period `today` lies in, clamped to the end of shorter months."""
    start = on_day(today.year, today.month, anchor_day)
    if start <= today:
        return start
    before = today.replace(day=1) - timedelta(days=1)
    return on_day(before.year, before.month, anchor_day)


def reset_due() -> int:
    """Reset and grant for every account whose period has begun. Returns how many were new.

    Safe to repeat and to race; running it more often only makes it more punctual. What its time is
    too short for is done by the next run, which is asked for at once; in any order, so that
    accounts that fail are not in front each time.
    """
    ends = time.monotonic() + limits.RESET_SECONDS
    accounts = list(
        Account.objects.active()
        .exclude(kind=Account.Kind.SUB_ACCOUNT)
        .filter(Q(included_minutes__gt=0) | Q(wallet__included_seconds__gt=0))
        .order_by("?")
    )
    periods = {account.pk: _period(account) for account in accounts}
    done = set(
        LedgerEntry.objects.filter(
            kind=LedgerEntry.Kind.INCLUDED_GRANT,
            key__in={_key(period, "grant") for period in periods.values()},
        ).values_list("wallet__account_id", "key")
    )
    count, left = 0, False
    for account in accounts:
        if (account.pk, _key(periods[account.pk], "grant")) in done:
            continue
        if time.monotonic() > ends:
            left = True
            # When nothing but failures used the time up, the clock's next run is soon enough.
            if count:
                nudge("wallets.reset_included")
            break
        try:
            count += _reset(account, periods[account.pk])
        except TimeIsUp:
            raise
        # One broken account must not keep the others from their minutes.
        except Exception:
            logger.exception("Included minutes of account %s were not reset", account.pk)
            left = True
    if not left:
        note_done("included")
    return count


def oldest_due() -> datetime | None:
    """Since when the account that waits longest should have had its minutes of the period."""
    places = Account.objects.active().exclude(kind=Account.Kind.SUB_ACCOUNT).order_by()
    places = places.values_list("timezone", "included_anchor_day").distinct()
    rows = []
    for name, day in places:
        zone = zone_of(name)
        period = period_of(anchor_day=day, today=clock.now().astimezone(zone).date())
        rows.append((name, day, _key(period, "reset"), period, beginning(period, zone)))
    if not rows:
        return None
    columns = [list(column) for column in zip(*rows, strict=True)]
    with connection.cursor() as cursor:
        cursor.execute(_OLDEST_DUE, columns)
        return cursor.fetchone()[0]


def _period(account: Account) -> date:
    return period_of(anchor_day=account.included_anchor_day, today=account.local_date(clock.now()))


def _key(period: date, what: str) -> str:
    return f"included:{period:%Y-%m-%d}:{what}"


def _next_begins(wallet: Wallet) -> date:
    """A month after the latest period that was granted: none is granted twice, nor sooner.

    So neither another anchor day nor another time zone brings a period in the middle of one, and
    what lies behind one already granted is over.
    """
    grants = wallet.entries.filter(pot=Pot.INCLUDED, kind=LedgerEntry.Kind.INCLUDED_GRANT)
    latest = grants.aggregate(latest=Max("key"))["latest"]
    if latest is None:
        return date.min
    began = date.fromisoformat(latest.split(":")[1])
    after = began.replace(day=1) + timedelta(days=31)
    return on_day(after.year, after.month, began.day)


@transaction.atomic
def _reset(account: Account, period: date) -> bool:
    """Take what is left of the last period and grant this one's minutes, together.

    Running calls keep what they hold: as far as the new minutes do not cover that, it stays.
    """
    wallet = open_wallet(account=account)
    wallet = ledger.lock_one(wallet_id=wallet.pk)
    # Reset and not granted: the plan had ended, and one that began again waits for its next period.
    ended = wallet.entries.filter(pot=Pot.INCLUDED, key=_key(period, "reset"))
    if period < _next_begins(wallet) or ended.exists():
        return False
    granted = account.included_minutes * 60
    held = holds.reserved_of(wallets=[wallet]).get(wallet.pk, {}).get(Pot.INCLUDED, 0)
    left = wallet.included_seconds - min(max(held - granted, 0), wallet.included_seconds)
    what = (
        (LedgerEntry.Kind.INCLUDED_RESET, "reset", -left),
        (LedgerEntry.Kind.INCLUDED_GRANT, "grant", granted),
    )
    movements = [
        ledger.Movement(
            wallet_id=wallet.pk,
            pot=Pot.INCLUDED,
            amount=seconds,
            kind=kind,
            key=_key(period, name),
        )
        for kind, name, seconds in what
    ]
    return ledger.post(movements=movements, wallets={wallet.pk: wallet}) > 0
