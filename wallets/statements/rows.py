"""One line of an account's statement: what happened, in words and figures.

A sub-account is told what its agency gave it, never with which card or at what price.
"""

from collections.abc import Iterable
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
class Row:
    """A movement of one pot, or a purchase the account pays.

    `amount` and `balance_after` are in `unit`: dollars, or whole seconds of `pot`. A purchase's
    amount is what the card is charged, negative when it fills somebody else's wallet; `credited`
    is what it put into this one. The balance is None when this wallet's credit did not move.
    """

    at: datetime
    kind: str
    description: str
    note: str
    status: Status
    pot: str
    amount: Decimal
    unit: Unit
    balance_after: Decimal | None
    credited: dict[str, Decimal]
    entry_id: int | None
    # Only of purchases the account may look at, because it pays them.
    purchase_id: UUID | None
    has_receipt: bool

    @property
    def reference(self) -> str:
        """What support finds it by."""
        return f"E{self.entry_id}" if self.entry_id else str(self.purchase_id)


def of_entry(entry: LedgerEntry) -> Row:
    """The row of a movement. Wants `wallet` and `purchase.payer` selected."""
    paid_by = entry.purchase.payer if entry.purchase else None
    foreign = paid_by is not None and paid_by.pk != entry.wallet.account_id
    return Row(
        at=entry.created_at,
        kind=entry.kind,
        description=_entry_text(entry, paid_by if foreign else None),
        note=entry.note if entry.kind == Kind.ADJUSTMENT else "",
        status=Status.POSTED,
        pot=entry.pot,
        amount=entry.amount,
        unit=Unit.USD if entry.pot == Pot.CREDIT else Unit.SECONDS,
        balance_after=entry.balance_after,
        credited={},
        entry_id=entry.pk,
        purchase_id=None if foreign else entry.purchase_id,
        has_receipt=False,
    )


def of_purchase(purchase: Purchase, *, credited: Iterable[LedgerEntry], refunded_cents: int) -> Row:
    """The row of a purchase for the one who pays it. Wants `wallet.account` selected.

    `credited` are the entries it put into the payer's own wallet.
    """
    parts = {entry.pot: entry for entry in credited}
    own = purchase.wallet.account_id == purchase.payer_id
    amount = dollars(purchase.amount_cents)
    return Row(
        at=purchase.created_at,
        kind=purchase.purpose,
        description=_purchase_text(purchase),
        note=_purchase_note(purchase, parts.values(), refunded_cents),
        status=_status(purchase, refunded_cents),
        pot=Pot.CREDIT,
        amount=amount if own else -amount,
        unit=Unit.USD,
        balance_after=parts[Pot.CREDIT].balance_after if Pot.CREDIT in parts else None,
        credited={pot: entry.amount for pot, entry in parts.items()},
        entry_id=None,
        purchase_id=purchase.pk,
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


def _entry_text(entry: LedgerEntry, payer: Account | None) -> str:
    """What a movement was; `payer` is the agency behind it, if it is another account."""
    if payer:
        default = "{minutes} from {payer}"
        text = _FOREIGN_TEXTS.get(Kind(entry.kind), default)
        return text.format(minutes=_amount_text(entry.pot, abs(entry.amount)), payer=payer.name)
    if entry.kind == Kind.CALLS:
        return f"Calls, {_POTS[Pot(entry.pot)]}" if entry.pot != Pot.CREDIT else "Calls"
    return _ENTRY_TEXTS.get(Kind(entry.kind), entry.get_kind_display())


def _purchase_text(purchase: Purchase) -> str:
    if purchase.purpose == Purchase.Purpose.ALLOCATION:
        return f"Monthly allocation for {purchase.wallet.account.name}"
    text = purchase.get_purpose_display()
    if purchase.buys == Purchase.Buys.CREDIT:
        return text
    return f"{text}, {purchase.get_buys_display()}"


def _purchase_note(purchase: Purchase, credited: Iterable[LedgerEntry], refunded_cents: int) -> str:
    if purchase.error_text:
        return purchase.error_text
    parts = []
    if purchase.purpose == Purchase.Purpose.ALLOCATION:
        minutes = ((Pot.BASIC, purchase.basic_minutes), (Pot.PREMIUM, purchase.premium_minutes))
        parts = [_amount_text(pot, count * 60) for pot, count in minutes if count]
    elif purchase.buys != Purchase.Buys.CREDIT:
        parts = [_amount_text(entry.pot, entry.amount) for entry in credited]
    if purchase.card:
        parts.append(purchase.card)
    if refunded_cents:
        parts.append(f"{usd(dollars(refunded_cents))} refunded")
    return ", ".join(parts)


def _amount_text(pot: str, amount: Decimal | int) -> str:
    """A pot's amount in words: "500 Basic minutes", "312 min 30 s of Premium minutes"."""
    if pot == Pot.CREDIT:
        return f"{usd(Decimal(amount))} credit"
    minutes, seconds = divmod(abs(int(amount)), 60)
    sign = MINUS if amount < 0 else ""
    if seconds:
        return f"{sign}{minutes:,} min {seconds:02d} s of {_POTS[Pot(pot)]}"
    return f"{sign}{minutes:,} {_POTS[Pot(pot)]}"
