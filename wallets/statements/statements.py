"""What happened to an account's money: its statement, and figures over time. Reads only.

The statement is every movement of the account's wallet, and every purchase the account pays, in
any state. A recharge is one row, its purchase; the entries it made are that row's figures.
Pages are cut by key, newest first, and cost the same anywhere in the history.
"""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from django.db.models import F, IntegerField, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce

from accounts.models import Account
from wallets.cursors import ENTRY, PURCHASE, Place
from wallets.models import LedgerEntry, Purchase, Reversal, Wallet
from wallets.months import beginning
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
        condition &= Q(created_at__gte=beginning(since, account.zone))
    if until is not None:
        exact = isinstance(until, datetime)
        end = until if exact or until == date.max else until + timedelta(days=1)
        condition &= Q(created_at__lt=beginning(end, account.zone))
    return condition
