"""The papers of a year or a month: every receipt and credit note, in the order they were issued."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.db.models import Prefetch

from accounts.errors import Unusable
from accounts.models import Account
from accounts.runtime.first_rows import first
from wallets import texts
from wallets.models import Purchase, Reversal
from wallets.months import beginning, due_date
from wallets.statements import papers
from wallets.statements.ranges import check_year, read_month
from wallets.statements.receipt_pdf import Receipt


@dataclass(frozen=True)
class Span:
    """A year or a month of the account: from the first day to the last one's end."""

    name: str
    first: date
    end: date

    @property
    def title(self) -> str:
        """As people say it: "2026", "November 2026"."""
        return self.name if len(self.name) == len("2026") else texts.month(self.first)


@dataclass(frozen=True)
class Filed:
    """A receipt (then `refund` is None) or a credit note."""

    at: datetime
    purchase: Purchase
    refund: Reversal | None = None

    @property
    def number(self) -> str:
        return papers.number_of(self.refund) if self.refund else str(self.purchase.receipt_number)

    @property
    def is_void(self) -> bool:
        """Whether it is the credit note of a refund that did not arrive after all."""
        return self.refund is not None and self.refund.state == Reversal.State.FAILED

    @property
    def amount_cents(self) -> int:
        """Paid; negative when given back, nothing when it is void."""
        if self.is_void:
            return 0
        return -self.refund.amount_cents if self.refund else self.purchase.amount_cents


def read_span(text: str, *, today: date) -> Span:
    """A year like 2026 or a month like 2026-11 that has begun; this year for nothing.

    Raises Unusable.
    """
    text = text or str(today.year)
    if len(text) != len("2026"):
        first = read_month(text, today=today, field="period")
        return Span(text, first, due_date(first, 1))
    if not (text.isascii() and text.isdigit() and int(text) < date.max.year):
        sentence = f"“{text}” is no year or month. Write it like 2026 or 2026-11."
        raise Unusable(sentence, fields={"period": sentence})
    check_year(int(text), field="period")
    first = date(int(text), 1, 1)
    if first > today:
        raise Unusable(f"{text} has not begun yet.", fields={"period": "Not begun yet."})
    return Span(text, first, date(int(text) + 1, 1, 1))


class TooMany(Unusable):
    """There are more papers than one file or page holds. A shorter time helps."""


def filed(*, account: Account, span: Span, most: int) -> list[Filed]:
    """The papers of this time, oldest first. At most four queries.

    Raises TooMany when there are more than `most`.
    """
    begins, ends = (beginning(day, account.zone) for day in (span.first, span.end))
    back = Reversal.objects.order_by("created_at")
    paid = Purchase.objects.filter(
        payer=account, state=Purchase.State.SUCCEEDED, closed_at__gte=begins, closed_at__lt=ends
    )
    paid = paid.select_related("payer", "wallet__account")
    paid = paid.prefetch_related(Prefetch("reversals", queryset=back), "entries")
    notes = Reversal.objects.filter(
        purchase__payer=account, credit_note_at__gte=begins, credit_note_at__lt=ends
    ).select_related("purchase__payer", "purchase__wallet__account")
    found = [Filed(one.closed_at, one) for one in first(paid.order_by("closed_at"), most + 1)]
    found += [
        Filed(one.credit_note_at, one.purchase, one)
        for one in first(notes.order_by("credit_note_at"), most + 1)
    ]
    if len(found) > most:
        sentence = f"{span.title} has more than {most:,} papers. Choose one of its months."
        raise TooMany(sentence, fields={"period": sentence})
    return sorted(found, key=lambda one: (one.at, one.number))


def printed(found: list[Filed], *, address_of: Callable[[UUID], str]) -> list[Receipt]:
    """What is printed of each. `address_of` says where a purchase's receipt is."""
    return [
        papers.credit_note(one.refund, address=address_of(one.purchase.pk))
        if one.refund
        else papers.receipt(one.purchase, address=address_of(one.purchase.pk))
        for one in found
    ]
