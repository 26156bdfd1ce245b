"""What happened to an account's money: its statement. Reads only.

The statement is everything that moved the account's wallet, one row a cause, in the order of its
entries; and every payment of the account's card that moved nothing there: one that is not decided,
that was not made, or that filled another wallet. Each stands at the moment it was decided.
Pages are cut by key, newest first, and cost the same anywhere in the history.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import reduce
from operator import or_
from uuid import UUID

from django.db.models import (
    DateTimeField,
    Exists,
    ExpressionWrapper,
    F,
    Max,
    Min,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
)
from django.db.models.functions import Coalesce

from accounts.models import Account
from accounts.runtime.first_rows import first
from accounts.runtime.of_one import of_one
from wallets.cursors import ENTRY, BadCursor, Place, Reached
from wallets.limits import CLOCKS_APART
from wallets.models import LedgerEntry, Pot, Purchase, Reversal, Wallet
from wallets.models.purchase import IN_NO_POT
from wallets.models.reversal import refunded_cents
from wallets.months import beginning, end_of
from wallets.statements.order import causes, merged
from wallets.statements.rows import PAYMENTS, Row, Status, of_entries, of_purchase

LARGEST_PAGE = 500
# Of an entry, as the database counts them.
LARGEST_NUMBER = 2**63


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
    reached = Reached.read(cursor)
    days = (account, since, until)
    # A cause moves each pot once at most, so this many are whole causes, and one more.
    most = (limit + 1) * len(Pot)
    moved = _statement_entries(account, kinds, statuses).filter(_entries_within(*days))
    if reached.entry is not None:
        moved = moved.filter(pk__lt=reached.entry)
    payments = _payments_in_no_pot(account, kinds, statuses).filter(_within(*days, "stands_at"))
    if reached.payment:
        payments = payments.filter(_before(*reached.payment))
    found = merged(
        causes(first(moved.order_by("wallet_id", "-pk"), most)),
        first(payments.order_by("-stands_at", "-pk"), limit + 1),
        reached=reached,
        limit=limit + 1,
    )
    shown = found[:limit]
    cursor = shown[-1].reached.written() if len(found) > limit else ""
    return Page(rows=_rows([one.what for one in shown]), next_cursor=cursor)


def pots_moved(*, account: Account) -> list[Pot]:
    """The pots of the account's wallet that ever moved, in their order. One query."""
    return next(iter(pots_moved_of([account]).values()), (0, []))[1]


def pots_moved_of(accounts: Collection[Account]) -> dict[UUID, tuple[int, list[Pot]]]:
    """By account the key of its wallet, if it has one, and the pots that ever moved. One query."""
    of_wallet = LedgerEntry.objects.filter(wallet=OuterRef("pk"))
    there = [Exists(of_wallet.filter(pot=pot)) for pot in Pot]
    has = Wallet.objects.filter(account__in=accounts).values_list("account_id", "pk", *there)
    return {
        account: (wallet, [pot for pot, one in zip(Pot, moved, strict=True) if one])
        for account, wallet, *moved in has
    }


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
    found = _entries(account).filter(_entries_within(account, since, until))
    if kinds is not None:
        found = found.filter(kind__in=kinds)
    if pots is not None:
        found = found.filter(pot__in=pots)
    if place := Place.read(cursor):
        if place.rank != ENTRY:
            raise BadCursor
        found = found.filter(pk__lt=place.pk)
    rows = first(found.order_by("wallet_id", "-pk"), limit + 1)
    more = len(rows) > limit
    rows = rows[:limit]
    last = Place.of(rows[-1]) if more else None
    return Page(rows=rows, next_cursor=last.written() if last else "")


@dataclass(frozen=True)
class Debit:
    """A row of calls, and the batch in which they were charged."""

    row: Row
    batch: UUID


def debit(*, account: Account, entry_id: int) -> Debit | None:
    """The row of calls that this entry of the account's wallet belongs to, if it is one."""
    asked = _entries(account).filter(pk=entry_id, kind=LedgerEntry.Kind.CALLS)
    key = asked.values_list("key", flat=True).first() if entry_id < LARGEST_NUMBER else None
    if key is None:
        return None
    try:
        batch = UUID(key.removeprefix("calls:"))
    except ValueError:
        return None
    return Debit(of_entries(list(_entries(account).filter(key=key))), batch)


# By its moment all that is older than a day would be read, and sorted to find the newest of it:
# lists are read by numbers, and moments only say which of these to leave out.
_UNINDEXED_MOMENT = ExpressionWrapper(
    F("created_at") + Value(timedelta(0)), output_field=DateTimeField()
)
# The least of a wallet's would be looked for among everybody's, from the first on.
_UNINDEXED_NUMBER = F("pk") + 0


def _entries(account: Account) -> QuerySet[LedgerEntry]:
    # A join would hide from the planner that it is one wallet, and all its entries be sorted; or be
    # made in the order of wallets, through all of them.
    wallet = Wallet.objects.filter(account=account).values("pk")[:1]
    found = LedgerEntry.objects.filter(of_one("wallet", Subquery(wallet)))
    found = found.select_related("purchase__payer").annotate(owner_id=Value(account.pk))
    return found.annotate(stands_at=_UNINDEXED_MOMENT)


def _statement_entries(
    account: Account, kinds: Collection[str] | None, statuses: Collection[str] | None
) -> QuerySet[LedgerEntry]:
    found = _entries(account)
    if kinds is not None:
        found = found.filter(kind__in=kinds)
    if statuses is None:
        return found
    paid = Q(kind__in=PAYMENTS, purchase__isnull=False)
    wanted = Q(paid, purchase__in=_with_status(account, statuses).values("pk"))
    return found.filter(wanted | ~paid if Status.POSTED in statuses else wanted)


_PAID_BACK = Q(refunded_cents__gte=F("amount_cents"))
_STATES = {
    Status.PROCESSING: Q(state__in=["created", "submitted"]),
    Status.ACTION_REQUIRED: Q(state="requires_action"),
    Status.PAID: Q(state="succeeded") & ~_PAID_BACK,
    Status.REFUNDED: Q(state="succeeded") & _PAID_BACK,
    Status.FAILED: Q(state="declined"),
    Status.CANCELED: Q(state="canceled"),
}


def _with_status(account: Account, statuses: Collection[str] | None) -> QuerySet[Purchase]:
    found = Purchase.objects.filter(payer=account).annotate(refunded_cents=refunded_cents("pk"))
    if statuses is None:
        return found
    wanted = [_STATES[Status(status)] for status in statuses if status in _STATES]
    return found.filter(reduce(or_, wanted)) if wanted else found.none()


def _payments_in_no_pot(
    account: Account, kinds: Collection[str] | None, statuses: Collection[str] | None
) -> QuerySet[Purchase]:
    """What no entry of the account's own wallet tells. Each stands where it was decided."""
    found = _with_status(account, statuses).filter(IN_NO_POT).select_related("wallet__account")
    found = found.annotate(stands_at=Coalesce("closed_at", "created_at"))
    return found if kinds is None else found.filter(purpose__in=kinds)


def _rows(found: list[tuple[LedgerEntry, ...] | Purchase]) -> list[Row]:
    paid = [one[0].purchase_id for one in found if isinstance(one, tuple)]
    back: dict[UUID, int] = {}
    if paid := [pk for pk in paid if pk]:
        refunds = Reversal.objects.standing().filter(purchase__in=paid, kind=Reversal.Kind.REFUND)
        sums = refunds.order_by().values("purchase").annotate(cents=Sum("amount_cents"))
        back = dict(sums.values_list("purchase", "cents"))
    return [
        of_entries(one, refunded_cents=back.get(one[0].purchase_id, 0))
        if isinstance(one, tuple)
        else of_purchase(one, refunded_cents=one.refunded_cents)
        for one in found
    ]


def _before(moment: datetime, pk: UUID) -> Q:
    # The first half lets the index be used, the second is exact.
    return Q(stands_at__lte=moment) & (Q(stands_at__lt=moment) | Q(pk__lt=pk))


def _entries_within(account: Account, since: date | None, until: date | None) -> Q:
    """Entries of these days, by their moments; and by their numbers, which the list is read by.

    No entry is dated further than CLOCKS_APART from its place, so that far from the first by date
    the first by number is found, and the last alike.
    """
    exactly = _within(account, since, until, "stands_at")
    condition = _within(account, since, until)
    dated = _entries(account).filter(condition).order_by("wallet_id", "created_at", "pk")
    moments = dated.values_list("created_at", flat=True)
    if since is not None:
        if (first := moments.first()) is None:
            return Q(pk__in=[])
        near = dated.filter(created_at__range=(first, first + CLOCKS_APART))
        exactly &= Q(pk__gte=near.aggregate(pk=Min(_UNINDEXED_NUMBER))["pk"])
    if until is not None:
        if (last := moments.last()) is None:
            return Q(pk__in=[])
        near = dated.filter(created_at__range=(last - CLOCKS_APART, last))
        exactly &= Q(pk__lte=near.aggregate(pk=Max(_UNINDEXED_NUMBER))["pk"])
    return exactly


def _within(
    account: Account, since: date | None, until: date | None, moment: str = "created_at"
) -> Q:
    condition = Q()
    if since is not None:
        condition &= Q(**{f"{moment}__gte": beginning(since, account.zone)})
    if until is not None:
        condition &= Q(**{f"{moment}__lt": end_of(until, account.zone)})
    return condition
