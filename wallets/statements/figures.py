"""Figures of pages: the balance of each day, recharges of a day, usage of a month."""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from django.db import connection

from accounts import clock
from wallets.models import Pot, Wallet
from wallets.months import beginning
from wallets.prices.amounts import dollars

CLOSING_BALANCES = """
SELECT d.day, (
    SELECT e.balance_after FROM wallets_ledgerentry AS e
    WHERE e.wallet_id = ANY (ARRAY[%s]) AND e.pot = 'credit'
      AND e.created_at >= d.begins AND e.created_at < d.ends
    ORDER BY e.wallet_id DESC, e.created_at DESC, e.id DESC LIMIT 1)
FROM unnest(%s::date[], %s::timestamptz[], %s::timestamptz[]) AS d (day, begins, ends)
ORDER BY d.day
"""


def balance_history(*, wallet: Wallet, days: int) -> list[tuple[date, Decimal]]:
    """Closing credit of the last `days` days of the account, oldest first, today included.

    One query; each day reads its last entry by index, a quiet day keeps the day before's.
    """
    zone = wallet.account.zone
    today = wallet.account.local_date(clock.now())
    shown = [today - timedelta(days=back) for back in range(days - 1, -1, -1)]
    # The day before them stands for everything earlier.
    all_days = [shown[0] - timedelta(days=1), *shown]
    begins = [datetime(1970, 1, 1, tzinfo=UTC), *(beginning(day, zone) for day in shown)]
    ends = [*begins[1:], beginning(today + timedelta(days=1), zone)]
    with connection.cursor() as cursor:
        cursor.execute(CLOSING_BALANCES, [wallet.pk, all_days, begins, ends])
        found = cursor.fetchall()
    closing, history = Decimal(0), []
    for day, balance in found:
        closing = closing if balance is None else balance
        history.append((day, closing))
    return history[1:]


# Buckets are counted from 1: each is a day from its beginning to the next one's.
RECHARGED = """
SELECT width_bucket(closed_at, %s::timestamptz[]), sum(amount_cents)
FROM wallets_purchase
WHERE wallet_id = %s AND purpose IN ('recharge', 'auto_recharge') AND state = 'succeeded'
  AND closed_at >= %s AND closed_at < %s
GROUP BY 1
"""


def recharges_by_day(*, wallet: Wallet, days: int) -> dict[date, Decimal]:
    """Dollars that recharges brought on each of the last `days` days of the account. One query."""
    zone = wallet.account.zone
    today = wallet.account.local_date(clock.now())
    shown = [today - timedelta(days=back) for back in range(days - 1, -1, -1)]
    begins = [beginning(day, zone) for day in shown]
    ends = beginning(today + timedelta(days=1), zone)
    with connection.cursor() as cursor:
        cursor.execute(RECHARGED, [begins, wallet.pk, begins[0], ends])
        return {shown[bucket - 1]: dollars(cents) for bucket, cents in cursor.fetchall()}


@dataclass(frozen=True)
class MonthUsage:
    """What calls took in one month: seconds of the minute pots, dollars of credit."""

    month: date
    premium_seconds: int = 0
    basic_seconds: int = 0
    included_seconds: int = 0
    credit: Decimal = Decimal(0)


# Month by month, each by index: to cut a year of moments into months takes longer than adding up.
USED = """
SELECT m.month, used.pot, used.total
FROM unnest(%s::date[], %s::timestamptz[], %s::timestamptz[]) AS m (month, begins, ends)
CROSS JOIN LATERAL (
    SELECT pot, -sum(amount) AS total FROM wallets_ledgerentry
    WHERE wallet_id = %s AND kind = 'calls' AND created_at >= m.begins AND created_at < m.ends
    GROUP BY pot) AS used
"""


def usage_by_month(*, wallet: Wallet, months: int = 12) -> list[MonthUsage]:
    """What calls took in each of the last `months` months of the account, newest first.

    One query. A call counts in the month it was charged.
    """
    account = wallet.account
    shown, ends = (
        [account.local_date(clock.now()).replace(day=1)],
        [clock.now() + timedelta(days=1)],
    )
    for _ in range(months - 1):
        ends.append(beginning(shown[-1], account.zone))
        shown.append((shown[-1] - timedelta(days=1)).replace(day=1))
    begins = [beginning(month, account.zone) for month in shown]
    usage = {month: MonthUsage(month=month) for month in shown}
    with connection.cursor() as cursor:
        cursor.execute(USED, [shown, begins, ends, wallet.pk])
        for month, pot, total in cursor.fetchall():
            part = {"credit": total} if pot == Pot.CREDIT else {f"{pot}_seconds": int(total)}
            usage[month] = replace(usage[month], **part)
    return list(usage.values())
