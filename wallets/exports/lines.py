"""The lines of a file: a line an entry, and payments that moved nothing in this wallet."""

import heapq
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.db.models import (
    Exists,
    F,
    Max,
    OuterRef,
    Q,
    QuerySet,
    Value,
)
from django.db.models.functions import Coalesce

from accounts.runtime.first_rows import first
from accounts.runtime.of_one import of_one
from wallets import limits
from wallets.exports.periods import Period
from wallets.models import LedgerEntry, Pot, Purchase, Reversal
from wallets.models.reversal import refunded_cents
from wallets.months import beginning
from wallets.prices.amounts import dollars
from wallets.statements.rows import PAYMENTS, Row, Status, of_entries, of_purchase
from wallets.texts import usd

Kind = LedgerEntry.Kind

# In the order of their columns.
POTS = (Pot.CREDIT, Pot.PREMIUM, Pot.BASIC, Pot.INCLUDED)
# What a card paid, and what went back to it.
PAID = frozenset({*PAYMENTS, Kind.REFUND_FAILED, Kind.DISPUTE_WON})
PAID_BACK = frozenset({Kind.REFUND, Kind.DISPUTE})


@dataclass(frozen=True)
class Line:
    """A movement of one pot, or a payment that moved none (`pot` is empty, `amount` zero).

    `amount` is signed, in dollars or whole seconds of `pot`; `balance_after` is what the pot held
    then. `paid` is what the account's card paid, signed, once for each payment and refund.
    `at` is in the account's zone. Of its agency's payments a sub-account is told no numbers.
    """

    at: datetime
    kind: str
    description: str
    note: str
    status: Status
    pot: str
    amount: Decimal
    balance_after: Decimal | None
    paid: Decimal
    entry_id: int | None
    purchase_id: UUID | None
    receipt_number: int | None
    # Whether the account's card paid for this wallet, or got that back.
    is_own_payment: bool = False

    @property
    def reference(self) -> str:
        """What support finds it by."""
        return f"E{self.entry_id}" if self.entry_id else str(self.purchase_id)


def lines(
    period: Period,
    *,
    pot: str = "",
    kinds: Collection[str] | None = None,
    newest_first: bool = False,
) -> Iterator[Line]:
    """The period's entries in their order, read in bites: each one query, or two.

    Empty `pot` and None mean all. Whoever reads no further has asked for no more: a file of a busy
    account begins before PostgreSQL has read all of it.
    """
    found = _entries(period)
    if pot:
        found = found.filter(pot=pot)
    if kinds is not None:
        found = found.filter(kind__in=kinds)
    for entry in _newest_before(found) if newest_first else _oldest_before(found):
        yield _of_entry(period, entry)


def _oldest_before(found: QuerySet[LedgerEntry]) -> Iterator[LedgerEntry]:
    latest = None
    for bite in _bites(found.order_by("-wallet_id", "pk"), "pk__gt"):
        latest = _date(bite, latest)
        yield from bite


def _newest_before(found: QuerySet[LedgerEntry]) -> Iterator[LedgerEntry]:
    for bite in _bites(found.order_by("wallet_id", "-pk"), "pk__lt"):
        oldest = bite[-1]
        later = (oldest.created_at, oldest.created_at + limits.CLOCKS_APART)
        before = found.filter(pk__lt=oldest.pk, created_at__range=later)
        _date(reversed(bite), before.aggregate(Max("created_at"))["created_at__max"])
        yield from bite


def _bites(found: QuerySet[LedgerEntry], further: str) -> Iterator[list[LedgerEntry]]:
    """The first is small, so that it comes at once."""
    size, left = limits.EXPORT_FIRST_BITE, found
    while bite := first(left, size):
        yield bite
        if len(bite) < size:
            return
        size, left = limits.EXPORT_BITE, found.filter(**{further: bite[-1].pk})


def _date(entries: Iterable[LedgerEntry], latest: datetime | None) -> datetime | None:
    """Note beside each, in their order, when it stands (`at`): never before one that is before it,
    of which the `latest` stands at that moment."""
    for entry in entries:
        latest = entry.at = max(entry.created_at, latest or entry.created_at)
    return latest


def payments(period: Period, *, kinds: Collection[str] | None = None) -> Iterator[Line]:
    """What the account's card paid, or was to pay, and no entry of its wallet tells of, newest
    first: declined, canceled and unfinished payments, those for sub-accounts, and what went back
    of these. Two queries."""
    return together(_other_payments(period, kinds), _other_reversals(period, kinds))


def together(entries: Iterator[Line], others: Iterator[Line]) -> Iterator[Line]:
    """Both, newest first; each comes newest first, and keeps its own order."""
    return heapq.merge(entries, others, key=lambda line: line.at, reverse=True)


def _other_payments(period: Period, kinds: Collection[str] | None) -> Iterator[Line]:
    own = Q(wallet=period.wallet_id, state=Purchase.State.SUCCEEDED)
    found = Purchase.objects.filter(payer=period.account).exclude(own)
    found = found.annotate(at=Coalesce("closed_at", "created_at"), refunded=refunded_cents("pk"))
    if kinds is not None:
        found = found.filter(purpose__in=kinds)
    found = found.select_related("wallet__account")
    for purchase in _newest_first(period, found):
        yield _of_payment(period, purchase)


def _other_reversals(period: Period, kinds: Collection[str] | None) -> Iterator[Line]:
    found = Reversal.objects.standing().filter(purchase__payer=period.account)
    found = found.exclude(purchase__wallet=period.wallet_id).annotate(at=F("created_at"))
    if kinds is not None:
        found = found.filter(kind__in=kinds)
    for reversal in _newest_first(period, found.select_related("purchase__wallet__account")):
        yield _of_reversal(period, reversal)


def _newest_first(period: Period, found: QuerySet) -> Iterator:
    """Those whose `at` is in the period, read in bites."""
    following = period.until + timedelta(days=1)
    found = found.filter(at__lt=beginning(following, period.account.zone))
    if period.begins is not None:
        found = found.filter(at__gte=period.begins)
    return found.order_by("-at", "-pk").iterator(chunk_size=limits.EXPORT_BITE)


def _entries(period: Period) -> QuerySet[LedgerEntry]:
    found = LedgerEntry.objects.filter(
        of_one("wallet", period.wallet_id), pk__gte=period.first_id, pk__lt=period.end_id
    )
    same = LedgerEntry.objects.filter(
        purchase=OuterRef("purchase"), kind=OuterRef("kind"), wallet=OuterRef("wallet")
    ).filter(Q(reversal=OuterRef("reversal")) | Q(reversal=None), pk__lt=OuterRef("pk"))
    return found.select_related("purchase__payer", "reversal").annotate(
        owner_id=Value(period.account.pk),
        is_first=~Exists(same),
        refunded=refunded_cents("purchase"),
    )


def _of_entry(period: Period, entry: LedgerEntry) -> Line:
    row = of_entries([entry], refunded_cents=entry.refunded)
    own = entry.purchase if row.purchase_id else None
    fills_own = own is not None and own.wallet_id == entry.wallet_id
    at = max(entry.at, period.begins) if period.begins else entry.at
    return Line(
        at=at.astimezone(period.account.zone),
        kind=entry.kind,
        description=row.description,
        note=row.note,
        status=row.status,
        pot=entry.pot,
        amount=entry.amount,
        balance_after=entry.balance_after,
        paid=_paid(entry) if fills_own and entry.is_first else Decimal(0),
        entry_id=entry.pk,
        purchase_id=row.purchase_id,
        receipt_number=own.receipt_number if own else None,
        is_own_payment=fills_own,
    )


def _paid(entry: LedgerEntry) -> Decimal:
    """What the card paid for this wallet; of one for another wallet `payments` tells."""
    cents = entry.reversal.amount_cents if entry.reversal else entry.purchase.amount_cents
    if entry.kind in PAID:
        return dollars(cents)
    return -dollars(cents) if entry.kind in PAID_BACK else Decimal(0)


def _of_payment(period: Period, purchase: Purchase) -> Line:
    row = of_purchase(purchase, refunded_cents=purchase.refunded)
    succeeded = purchase.state == Purchase.State.SUCCEEDED
    return Line(
        at=purchase.at.astimezone(period.account.zone),
        kind=purchase.purpose,
        description=row.description if succeeded else _not_paid(purchase, row),
        note=row.note,
        status=row.status,
        pot="",
        amount=Decimal(0),
        balance_after=None,
        paid=dollars(purchase.amount_cents) if succeeded else Decimal(0),
        entry_id=None,
        purchase_id=purchase.pk,
        receipt_number=purchase.receipt_number,
    )


def _of_reversal(period: Period, reversal: Reversal) -> Line:
    purchase = reversal.purchase
    row = of_purchase(purchase, refunded_cents=0)
    return Line(
        at=reversal.at.astimezone(period.account.zone),
        kind=reversal.kind,
        description=f"{reversal.get_kind_display()} of {row.description}",
        note=reversal.customer_note,
        status=Status.POSTED,
        pot="",
        amount=Decimal(0),
        balance_after=None,
        paid=-dollars(reversal.amount_cents),
        entry_id=None,
        purchase_id=purchase.pk,
        receipt_number=purchase.receipt_number,
    )


def _not_paid(purchase: Purchase, row: Row) -> str:
    return f"{row.description}, {usd(dollars(purchase.amount_cents))} not paid"
