"""Everything that happened to an account, newest first: one page out of seven tables.

Each table gives its newest rows before a moment, by an index; the newest of all are shown."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Model
from django.urls import reverse
from django.utils.html import strip_tags

from accounts.admin.audit import changed
from accounts.models import Account, AuditEntry, Notification, StaffAction
from accounts.runtime.first_rows import first
from accounts.runtime.of_one import of_one
from wallets.admin.base import amount_of
from wallets.models import LedgerEntry, LoggedDecision, Purchase, Reversal, Wallet
from wallets.prices.amounts import dollars
from wallets.stripe.dashboard import dashboard_url
from wallets.texts import usd
from wallets.why import sentences

PAGE_SIZE = 40

# What the audit log notes that another line of the timeline tells better.
TOLD_ELSEWHERE = ("wallets_adjustmentrequest", "otp_static_statictoken", "accounts_recoverycode")


@dataclass(frozen=True)
class Event:
    at: datetime
    kind: str
    title: str
    text: str
    link: str
    stripe_link: str = ""
    details: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Timeline:
    events: list[Event]
    # The moment the next page begins before; None when there is nothing older.
    older: datetime | None


def of(account: Account, *, before: datetime | None = None, kind: str = "") -> Timeline:
    """The newest events of the account before a moment, of one kind or of all."""
    sources = {
        "ledger": _entries,
        "purchase": _purchases,
        "reversal": _reversals,
        "decision": _decisions,
        "notification": _notifications,
        "change": _changes,
        "staff": _staff,
    }
    wanted = [sources[kind]] if kind in sources else sources.values()
    found = [event for source in wanted for event in source(account, before)]
    found.sort(key=lambda event: event.at, reverse=True)
    if len(found) <= PAGE_SIZE:
        return Timeline(found, None)
    # What happened at one moment stays on one page.
    older = found[PAGE_SIZE - 1].at
    return Timeline([event for event in found if event.at >= older], older)


KINDS = {
    "": "Everything",
    "ledger": "Ledger",
    "purchase": "Purchases",
    "reversal": "Refunds and disputes",
    "decision": "Decisions",
    "notification": "Notifications",
    "change": "Campaigns and settings",
    "staff": "Staff",
}


def _newest(rows, moment: str, before: datetime | None, *, by: tuple[str, ...] = ()) -> Iterable:
    if before is not None:
        rows = rows.filter(**{f"{moment}__lt": before})
    found = first(rows.order_by(*by, f"-{moment}"), PAGE_SIZE + 1)
    if len(found) <= PAGE_SIZE:
        return found
    end = getattr(found[-1], moment)
    if getattr(found[-2], moment) != end:
        return found
    # Campaigns paused together, for example: the next page begins before all of them.
    newer = [one for one in found if getattr(one, moment) != end]
    return [*newer, *rows.filter(**{moment: end})]


def _wallet_id(account: Account) -> int | None:
    """Looked up first: joined, the busiest wallets would be sorted instead of read by an index."""
    return Wallet.objects.filter(account=account).values_list("pk", flat=True).first()


def _entries(account: Account, before: datetime | None) -> Iterator[Event]:
    rows = LedgerEntry.objects.filter(of_one("wallet", _wallet_id(account)))
    for entry in _newest(rows.select_related("actor"), "created_at", before, by=("-wallet_id",)):
        by = f" by {entry.actor}" if entry.actor else ""
        note = f" “{entry.note}”" if entry.note else ""
        if entry.customer_note:
            note += f" To the customer: “{entry.customer_note}”"
        yield Event(
            at=entry.created_at,
            kind="ledger",
            title=f"{entry.get_kind_display()} {amount_of(entry.pot, entry.amount, signed=True)}",
            text=f"{entry.get_pot_display()} then held "
            f"{amount_of(entry.pot, entry.balance_after)}{by}.{note}",
            link=_page(entry),
        )


def _purchases(account: Account, before: datetime | None) -> Iterator[Event]:
    rows = Purchase.objects.filter(payer=account).select_related("requested_by", "wallet__account")
    for purchase in _newest(rows, "created_at", before):
        yield Event(
            at=purchase.created_at,
            kind="purchase",
            title=f"{purchase.get_purpose_display()} {usd(dollars(purchase.amount_cents))}: "
            f"{purchase.get_state_display()}",
            text=_why(purchase),
            link=_page(purchase),
            stripe_link=dashboard_url(purchase.payment_intent),
            details=story(purchase),
        )


def _why(purchase: Purchase) -> str:
    asked = f"Asked for by {purchase.requested_by}" if purchase.requested_by else "Automatic"
    credited = purchase.wallet.account
    where = f" for {credited}" if credited.pk != purchase.payer_id else ""
    return f"{asked}{where}, {purchase.card}. {purchase.error_text}".strip()


def story(purchase: Purchase) -> list[str]:
    """What passed between us and Stripe about this purchase, step by step."""
    steps = [f"{_clock(purchase.created_at)} decided, {purchase.get_buys_display().lower()}"]
    if purchase.submitted_at:
        steps.append(
            f"{_clock(purchase.submitted_at)} given to Stripe as {purchase.payment_intent}"
        )
    if purchase.attempts:
        steps.append(f"confirmed {purchase.attempts} time{'s' * (purchase.attempts > 1)}")
    if purchase.decline_code:
        steps.append(f"Stripe's code: {purchase.decline_code}")
    if purchase.quarantined_at:
        steps.append(f"{_clock(purchase.quarantined_at)} quarantined: {purchase.quarantine_reason}")
    if purchase.closed_at:
        steps.append(f"{_clock(purchase.closed_at)} {purchase.get_state_display().lower()}")
    elif purchase.submitted_at:
        steps.append("Stripe has not said yet what became of it")
    if purchase.receipt_number:
        steps.append(f"receipt {purchase.receipt_number}")
    return steps


def _clock(moment: datetime) -> str:
    return f"{moment:%-d %b %H:%M:%S}"


def _reversals(account: Account, before: datetime | None) -> Iterator[Event]:
    rows = Reversal.objects.filter(purchase__payer=account).select_related("actor", "purchase")
    for reversal in _newest(rows, "created_at", before):
        by = f" by {reversal.actor}" if reversal.actor else ""
        yield Event(
            at=reversal.created_at,
            kind="reversal",
            title=f"{reversal.get_kind_display()} {usd(dollars(reversal.amount_cents))}: "
            f"{reversal.get_state_display()}",
            text=f"{reversal.reason}{by}. {reversal.error_text}".strip(),
            link=_page(reversal),
            stripe_link=dashboard_url(reversal.stripe_id),
        )


def _decisions(account: Account, before: datetime | None) -> Iterator[Event]:
    rows = LoggedDecision.objects.filter(of_one("wallet", _wallet_id(account)))
    for decision in _newest(rows, "last_at", before, by=("-wallet_id",)):
        figures = [f"{name}: {value}" for name, value in decision.figures.items()]
        often = [f"{decision.times} times since {_clock(decision.first_at)}"]
        yield Event(
            at=decision.last_at,
            kind="decision",
            title=f"{decision.get_subject_display()}: {decision.code.replace('_', ' ')}",
            text=strip_tags(sentences.sentence(decision=decision, zone=account.zone)),
            link=_page(decision),
            details=figures + (often if decision.times > 1 else []),
        )


def _notifications(account: Account, before: datetime | None) -> Iterator[Event]:
    rows = Notification.objects.filter(account=account)
    for told in _newest(rows, "created_at", before):
        mailed = f"mailed {_clock(told.mailed_at)}" if told.mailed_at else "not mailed"
        yield Event(
            at=told.created_at,
            kind="notification",
            title=told.title,
            text=told.text,
            link=_page(told),
            details=[mailed, "read" if told.read_at else "not read"],
        )


def _changes(account: Account, before: datetime | None) -> Iterator[Event]:
    rows = AuditEntry.objects.filter(account_id=account.pk).exclude(table__in=TOLD_ELSEWHERE)
    for entry in _newest(rows, "at", before):
        what = entry.table.partition("_")[2].capitalize()
        yield Event(
            at=entry.at,
            kind="change",
            title=f"{what} {entry.get_operation_display().lower()}",
            text=changed(entry),
            link=_page(entry),
            details=[f"by {entry.actor or 'the application'}"],
        )


def _staff(account: Account, before: datetime | None) -> Iterator[Event]:
    rows = StaffAction.objects.filter(account=account).select_related("actor")
    for action in _newest(rows, "created_at", before):
        yield Event(
            at=action.created_at,
            kind="staff",
            title=f"{action.actor}: {action.kind.replace('_', ' ')} ({action.get_state_display()})",
            text=f"“{action.reason}” {action.result}",
            link=_page(action),
        )


def _page(row: Model) -> str:
    meta = row._meta
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[row.pk])
