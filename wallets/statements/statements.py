"""What happened to an account's money: its statement, and figures over time. Reads only.

The statement is every movement of the account's wallet, and every purchase the account pays, in
any state. A recharge is one row, its purchase; the entries it made are that row's figures.
Pages are cut by key, newest first, and cost the same anywhere in the history.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import connection
from django.db.models import F, IntegerField, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce, TruncDate

from accounts import clock
from accounts.models import Account
from wallets.cursors import ENTRY, PURCHASE, Place
from wallets.models import LedgerEntry, Pot, Purchase, Reversal, Wallet
from wallets.prices.amounts import dollars
from wallets.statements.rows import Row, Status, of_entry, of_purchase

LARGEST_PAGE = 500


@dataclass(frozen=True)
class Page:
    """Some rows, newest first. `next_cursor` leads to older ones; empty at the end."""

    rows: list
    next_cursor: str


def transactions(
    *,
    account: Account,
    kinds: Collection[str] | None = None,
    statuses: Collection[str] | None = None,
    since: date | None = None,
    until: date | None = None,
    cursor: str | None = None,
    limit: int = 25,
) -> Page:
    """A page of the account's statement.

    `kinds` are of `LedgerEntry.Kind`, `statuses` of `Status`; None means all. Days are the
    account's, both included; moments are exact, the second one excluded. At most three queries.
    Raises BadCursor.
    """
    limit = min(limit, LARGEST_PAGE)
    place = Place.read(cursor)
    within = _within(account, since, until)
    found: list[tuple[datetime, int, object]] = []
    entries = _statement_entries(account, kinds, statuses).filter(within)
    purchases = _purchases(account, kinds, statuses).filter(within)
    for rank, rows in ((ENTRY, entries), (PURCHASE, purchases)):
        if place:
            rows = rows.filter(place.after(rank))
        rows = rows.order_by("-created_at", "-pk")[: limit + 1]
        found += [(row.created_at, rank, row) for row in rows]
    found.sort(key=lambda item: (item[0], item[1], item[2].pk), reverse=True)
    shown = [row for _, _, row in found[:limit]]
    last = Place.of(shown[-1]) if len(found) > limit else None
    return Page(rows=_rows(account, shown), next_cursor=last.written() if last else "")


def iterate(*, account: Account, **filters: object) -> Iterator[Row]:
    """Every row of a statement, newest first, read page by page. Takes `transactions`' filters."""
    page = transactions(account=account, limit=LARGEST_PAGE, **filters)
    yield from page.rows
    while page.next_cursor:
        page = transactions(
            account=account, limit=LARGEST_PAGE, **{**filters, "cursor": page.next_cursor}
        )
        yield from page.rows


def entries(
    *,
    account: Account,
    kinds: Collection[str] | None = None,
    pots: Collection[str] | None = None,
    since: date | None = None,
    until: date | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> Page:
    """A page of the wallet's ledger as it is: every movement of every pot. One query.

    Filters as in `transactions`. Raises BadCursor.
    """
    limit = min(limit, LARGEST_PAGE)
    found = _entries(account).filter(_within(account, since, until))
    if kinds is not None:
        found = found.filter(kind__in=kinds)
    if pots is not None:
        found = found.filter(pot__in=pots)
    if place := Place.read(cursor):
        found = found.filter(place.after(ENTRY))
    rows = list(found.order_by("-created_at", "-pk")[: limit + 1])
    more = len(rows) > limit
    rows = rows[:limit]
    last = Place.of(rows[-1]) if more else None
    return Page(rows=rows, next_cursor=last.written() if last else "")


def _entries(account: Account) -> QuerySet[LedgerEntry]:
    # A join would hide from the planner that it is one wallet, and all its entries be sorted.
    wallet = Wallet.objects.filter(account=account).values("pk")[:1]
    return LedgerEntry.objects.filter(wallet=wallet).select_related("wallet", "purchase__payer")


def _statement_entries(
    account: Account, kinds: Collection[str] | None, statuses: Collection[str] | None
) -> QuerySet[LedgerEntry]:
    if statuses is not None and Status.POSTED not in statuses:
        return LedgerEntry.objects.none()
    found = _entries(account).exclude(
        kind__in=["recharge", "auto_recharge"], purchase__isnull=False
    )
    return found if kinds is None else found.filter(kind__in=kinds)


_REFUNDED = (
    Reversal.objects.standing()
    .filter(purchase=OuterRef("pk"), kind=Reversal.Kind.REFUND)
    .order_by()
    .values("purchase")
    .annotate(cents=Sum("amount_cents"))
    .values("cents")
)

_PAID_BACK = Q(refunded_cents__gte=F("amount_cents"))
_STATES = {
    Status.PROCESSING: Q(state__in=["created", "submitted"]),
    Status.ACTION_REQUIRED: Q(state="requires_action"),
    Status.PAID: Q(state="succeeded") & ~_PAID_BACK,
    Status.REFUNDED: Q(state="succeeded") & _PAID_BACK,
    Status.FAILED: Q(state="declined"),
    Status.CANCELED: Q(state="canceled"),
}


def _purchases(
    account: Account, kinds: Collection[str] | None, statuses: Collection[str] | None
) -> QuerySet[Purchase]:
    found = Purchase.objects.filter(payer=account).select_related("wallet__account")
    found = found.annotate(
        refunded_cents=Coalesce(Subquery(_REFUNDED, output_field=IntegerField()), 0)
    )
    if kinds is not None:
        found = found.filter(purpose__in=kinds)
    if statuses is None:
        return found
    wanted = [_STATES[Status(status)] for status in statuses if status in _STATES]
    if not wanted:
        return found.none()
    condition = wanted[0]
    for other in wanted[1:]:
        condition |= other
    return found.filter(condition)


def _rows(account: Account, found: list[LedgerEntry | Purchase]) -> list[Row]:
    paid = [row.pk for row in found if isinstance(row, Purchase) and row.state == "succeeded"]
    credited: dict[UUID, list[LedgerEntry]] = defaultdict(list)
    if paid:
        made = LedgerEntry.objects.filter(purchase__in=paid, wallet__account=account)
        for entry in made.filter(kind__in=["recharge", "auto_recharge"]).order_by("pk"):
            credited[entry.purchase_id].append(entry)
    return [
        of_purchase(row, credited=credited[row.pk], refunded_cents=row.refunded_cents)
        if isinstance(row, Purchase)
        else of_entry(row)
        for row in found
    ]


def _within(account: Account, since: date | None, until: date | None) -> Q:
    condition = Q()
    if since is not None:
        condition &= Q(created_at__gte=_moment(since, account.zone))
    if until is not None:
        exact = isinstance(until, datetime)
        end = until if exact or until == date.max else until + timedelta(days=1)
        condition &= Q(created_at__lt=_moment(end, account.zone))
    return condition


def _moment(value: date, zone: ZoneInfo) -> datetime:
    """A moment as it is; a day as its beginning in the zone."""
    if isinstance(value, datetime):
        return value
    # A day at the edge of the calendar has no beginning in UTC; nothing happened there.
    if not 1900 <= value.year <= 9000:
        return datetime(1900 if value.year < 1900 else 9000, 1, 1, tzinfo=UTC)
    return datetime.combine(value, time.min, zone)


CLOSING_BALANCES = """
SELECT d.day, (
    SELECT e.balance_after FROM wallets_ledgerentry AS e
    WHERE e.wallet_id = %s AND e.pot = 'credit'
      AND e.created_at >= d.begins AND e.created_at < d.ends
    ORDER BY e.created_at DESC, e.id DESC LIMIT 1)
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
    begins = [datetime(1970, 1, 1, tzinfo=UTC), *(_moment(day, zone) for day in shown)]
    ends = [*begins[1:], _moment(today + timedelta(days=1), zone)]
    with connection.cursor() as cursor:
        cursor.execute(CLOSING_BALANCES, [wallet.pk, all_days, begins, ends])
        found = cursor.fetchall()
    closing, history = Decimal(0), []
    for day, balance in found:
        closing = closing if balance is None else balance
        history.append((day, closing))
    return history[1:]


def recharges_by_day(*, wallet: Wallet, days: int) -> dict[date, Decimal]:
    """Dollars that recharges brought on each of the last `days` days of the account. One query."""
    zone = wallet.account.zone
    first = wallet.account.local_date(clock.now()) - timedelta(days=days - 1)
    paid = wallet.purchases.recharges().filter(
        state="succeeded", closed_at__gte=_moment(first, zone)
    )
    by_day = paid.annotate(day=TruncDate("closed_at", tzinfo=zone)).order_by().values("day")
    sums = by_day.annotate(cents=Sum("amount_cents"))
    return {row["day"]: dollars(row["cents"]) for row in sums}


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
        ends.append(_moment(shown[-1], account.zone))
        shown.append((shown[-1] - timedelta(days=1)).replace(day=1))
    begins = [_moment(month, account.zone) for month in shown]
    usage = {month: MonthUsage(month=month) for month in shown}
    with connection.cursor() as cursor:
        cursor.execute(USED, [shown, begins, ends, wallet.pk])
        for month, pot, total in cursor.fetchall():
            part = {"credit": total} if pot == Pot.CREDIT else {f"{pot}_seconds": int(total)}
            usage[month] = replace(usage[month], **part)
    return list(usage.values())
