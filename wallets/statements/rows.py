"""One line of an account's statement: what happened, in words, and what it moved in each pot.

A sub-account is told what its agency gave it, never with which card or at what price.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db import models

from accounts.models import Account
from wallets.models import LedgerEntry, Pot, Purchase
from wallets.prices.amounts import dollars
from wallets.texts import MINUS, usd

Kind = LedgerEntry.Kind
# What the account's own card paid for its own wallet.
PAYMENTS = (Kind.RECHARGE, Kind.AUTO_RECHARGE)


class Status(models.TextChoices):
    PROCESSING = "processing", "Processing"
    PAID = "paid", "Paid"
    POSTED = "posted", "Posted"
    FAILED = "failed", "Failed"
    ACTION_REQUIRED = "action_required", "Action required"
    REFUNDED = "refunded", "Refunded"
    CANCELED = "canceled", "Canceled"


class Unit(models.TextChoices):
    USD = "usd", "Dollars"
    SECONDS = "seconds", "Seconds"


STATUS_OF = {
    Purchase.State.CREATED: Status.PROCESSING,
    Purchase.State.SUBMITTED: Status.PROCESSING,
    Purchase.State.REQUIRES_ACTION: Status.ACTION_REQUIRED,
    Purchase.State.SUCCEEDED: Status.PAID,
    Purchase.State.DECLINED: Status.FAILED,
    Purchase.State.CANCELED: Status.CANCELED,
}


@dataclass(frozen=True)
class Moved:
    """What one pot did, and held afterwards: dollars of credit, or whole seconds of minutes."""

    pot: str
    amount: Decimal
    balance_after: Decimal

    @property
    def unit(self) -> Unit:
        return Unit.USD if self.pot == Pot.CREDIT else Unit.SECONDS


@dataclass(frozen=True)
class Row:
    """What one cause moved in the account's wallet, or a payment of its card that moved nothing.

    `moved` has at most one movement of each pot, in their order. `charged` is what the card paid
    or was to pay, in dollars; it belongs to no pot's sum.
    """

    at: datetime
    kind: str
    description: str
    note: str
    status: Status
    moved: tuple[Moved, ...]
    charged: Decimal | None
    # The first of its entries; None when no pot moved.
    entry_id: int | None
    # Only of purchases the account may look at, because it pays them.
    purchase_id: UUID | None
    reversal_id: UUID | None
    has_receipt: bool

    @property
    def reference(self) -> str:
        """What support finds it by."""
        if self.purchase_id and self.reversal_id is None:
            return str(self.purchase_id)
        return f"E{self.entry_id}"

    @property
    def is_refund(self) -> bool:
        """Whether it has a credit note."""
        return self.kind == Kind.REFUND and self.reversal_id is not None

    def of(self, pot: str) -> Moved | None:
        return next((one for one in self.moved if one.pot == pot), None)


def of_entries(entries: Sequence[LedgerEntry], *, refunded_cents: int = 0) -> Row:
    """The row of what one cause moved. Wants `purchase.payer` selected, and `owner_id`:
    whose wallet it is, which is not joined (`accounts.runtime.of_one`)."""
    entry = min(entries, key=lambda one: one.pk)
    paid_by = entry.purchase.payer if entry.purchase else None
    foreign = paid_by is not None and paid_by.pk != entry.owner_id
    own = None if foreign else entry.purchase
    payment = own if entry.kind in PAYMENTS else None
    payer = paid_by if foreign else None
    return Row(
        at=entry.created_at,
        kind=entry.kind,
        description=_purchase_text(payment) if payment else _entries_text(entries, payer),
        note=_payment_note(payment, entries, refunded_cents) if payment else entry.customer_note,
        status=_status(payment, refunded_cents) if payment else Status.POSTED,
        moved=_moved(entries),
        charged=dollars(payment.amount_cents) if payment else None,
        entry_id=entry.pk,
        purchase_id=own.pk if own else None,
        reversal_id=entry.reversal_id if own else None,
        has_receipt=payment is not None and payment.state == Purchase.State.SUCCEEDED,
    )


def _moved(entries: Iterable[LedgerEntry]) -> tuple[Moved, ...]:
    by_pot = {one.pot: Moved(one.pot, one.amount, one.balance_after) for one in entries}
    return tuple(by_pot[pot] for pot in Pot if pot in by_pot)


def of_purchase(purchase: Purchase, *, refunded_cents: int) -> Row:
    """The row of a payment that moved no pot of its payer: not made, not decided, or for another
    account. Wants `wallet.account` selected.
    """
    return Row(
        at=purchase.closed_at or purchase.created_at,
        kind=purchase.purpose,
        description=_purchase_text(purchase),
        note=_payment_note(purchase, (), refunded_cents),
        status=_status(purchase, refunded_cents),
        moved=(),
        charged=dollars(purchase.amount_cents),
        entry_id=None,
        purchase_id=purchase.pk,
        reversal_id=None,
        has_receipt=purchase.state == Purchase.State.SUCCEEDED,
    )


def _status(purchase: Purchase, refunded_cents: int) -> Status:
    if purchase.state == Purchase.State.SUCCEEDED and refunded_cents >= purchase.amount_cents:
        return Status.REFUNDED
    return STATUS_OF[purchase.state]


_POTS = {
    Pot.PREMIUM: "Premium minutes",
    Pot.BASIC: "Basic minutes",
    Pot.INCLUDED: "Included minutes",
}

_ENTRY_TEXTS = {
    Kind.RECHARGE: "Recharge",
    Kind.AUTO_RECHARGE: "Auto-Recharge",
    Kind.INCLUDED_GRANT: "Included minutes of the month",
    Kind.INCLUDED_RESET: "Included minutes not used last month",
    Kind.ADJUSTMENT: "Adjustment by support",
    Kind.REFUND: "Refund",
    Kind.REFUND_FAILED: "Refund that failed, put back",
    Kind.DISPUTE: "Disputed payment",
    Kind.DISPUTE_WON: "Dispute won, given back",
}

_FOREIGN_TEXTS = {
    Kind.REFUND: "{minutes} taken back by {payer}",
    Kind.REFUND_FAILED: "{minutes} from {payer} put back",
    Kind.DISPUTE: "{minutes} taken back by {payer}",
    Kind.DISPUTE_WON: "{minutes} from {payer} put back",
}


def _entries_text(entries: Sequence[LedgerEntry], payer: Account | None) -> str:
    """What a cause was; `payer` is the agency behind it, if it is another account."""
    kind = Kind(entries[0].kind)
    if payer:
        amounts = [amount_text(one.pot, abs(one.amount)) for one in _in_order(entries)]
        text = _FOREIGN_TEXTS.get(kind, "{minutes} from {payer}")
        return text.format(minutes=" and ".join(amounts), payer=payer.name)
    if kind == Kind.CALLS and len(entries) == 1 and entries[0].pot != Pot.CREDIT:
        return f"Calls, {_POTS[Pot(entries[0].pot)]}"
    return _ENTRY_TEXTS.get(kind, kind.label)


def _in_order(entries: Iterable[LedgerEntry]) -> list[LedgerEntry]:
    return sorted(entries, key=lambda one: list(Pot).index(Pot(one.pot)))


def _purchase_text(purchase: Purchase) -> str:
    if purchase.is_gift:
        return f"Minutes given to {purchase.wallet.account.name}"
    if purchase.purpose == Purchase.Purpose.ALLOCATION:
        return f"Monthly allocation for {purchase.wallet.account.name}"
    text = purchase.get_purpose_display()
    if purchase.buys == Purchase.Buys.CREDIT:
        return text
    return f"{text}, {purchase.get_buys_display()}"


def _payment_note(purchase: Purchase, credited: Iterable[LedgerEntry], refunded_cents: int) -> str:
    """ "$50.00 from Visa •••• 4242, 312 Premium minutes": what was paid, and what it bought."""
    paid = usd(dollars(purchase.amount_cents))
    if purchase.state in ("declined", "canceled"):
        return f"{paid} not charged. {purchase.error_text}".strip()
    parts = [f"{paid} from {purchase.paid_with}" if purchase.card else paid]
    if purchase.state != Purchase.State.SUCCEEDED:
        return f"{parts[0]}, {_UNDECIDED.get(purchase.state, 'not decided yet')}"
    if purchase.purpose == Purchase.Purpose.ALLOCATION:
        minutes = ((Pot.BASIC, purchase.basic_minutes), (Pot.PREMIUM, purchase.premium_minutes))
        parts += [amount_text(pot, count * 60) for pot, count in minutes if count]
    elif purchase.buys != Purchase.Buys.CREDIT:
        parts += [amount_text(entry.pot, entry.amount) for entry in _in_order(credited)]
    if refunded_cents:
        parts.append(f"{usd(dollars(refunded_cents))} refunded")
    return ", ".join(parts)


_UNDECIDED = {Purchase.State.REQUIRES_ACTION: "waits for you to confirm it with your bank"}


def amount_text(pot: str, amount: Decimal | int) -> str:
    """A pot's amount in words: "500 Basic minutes", "312 min 30 s of Premium minutes"."""
    if pot == Pot.CREDIT:
        return f"{usd(Decimal(amount))} credit"
    minutes, seconds = divmod(abs(int(amount)), 60)
    sign = MINUS if amount < 0 else ""
    if seconds:
        return f"{sign}{minutes:,} min {seconds:02d} s of {_POTS[Pot(pot)]}"
    return f"{sign}{minutes:,} {_POTS[Pot(pot)]}"
