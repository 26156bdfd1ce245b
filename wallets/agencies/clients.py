"""The facts about every sub-account of an agency, for one page: as many statements for five
hundred of them as for one. Reads only.

What campaigns know (paused ones, minutes that calls used) is told by `campaigns_told_by`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

import djstripe.models
from django.db.models import Exists, OuterRef, QuerySet, Sum

from accounts import clock
from accounts.models import Account, Invitation, Membership
from accounts.runtime import soft_cache
from wallets import limits, months
from wallets.allocations import asks, sub_accounts
from wallets.cards.payment_methods import read_card
from wallets.forecasts import pace, runway
from wallets.forecasts.pace import Measured
from wallets.models import AutoRecharge, MinuteAsk, Purchase, Reversal
from wallets.prices.amounts import dollars
from wallets.prices.estimates import estimate
from wallets.prices.rates import RateHistory, rate_history

_ZERO = Decimal(0)
# After a decline, beyond a limit, or braked: charges do not come as they should.
_LONG_HOLDS = (
    AutoRecharge.Hold.DECLINED,
    AutoRecharge.Hold.MONTHLY_LIMIT,
    AutoRecharge.Hold.DAILY_CEILING,
    AutoRecharge.Hold.TOO_MANY_TRIES,
)


class Dollars(NamedTuple):
    """Credit, as wallets have it."""

    amount: Decimal


@dataclass(kw_only=True)
class Client:
    """One sub-account as its agency sees it. Has what a wallet has, so that the rules of wallets
    judge it; and no card and no price that are not its agency's business."""

    pk: UUID
    name: str
    is_closed: bool
    archived_at: datetime | None
    zone: str
    wallet_id: int | None
    credit: Dollars
    premium_seconds: int
    basic_seconds: int
    included_seconds: int
    blocked_at: datetime | None
    # Auto-Recharge: "" without trouble, or why it does not charge.
    enabled: bool
    suspended_at: datetime | None
    suspended_reason: str
    hold_reason: str
    not_before: datetime | None
    card_id: str
    # The monthly allocation.
    basic_minutes: int = 0
    premium_minutes: int = 0
    anchor_date: date | None = None
    skip_period: date | None = None
    payment_failed: bool = False
    tried_again_at: datetime | None = None
    # A payment of the agency for it that waits for the bank.
    at_bank: UUID | None = None
    # Told by other tables.
    card_trouble: str = ""
    paused: int = 0
    used_seconds: int = 0
    days: Decimal | None = None
    ask: MinuteAsk | None = None
    awaits: str = ""
    spent: Decimal = _ZERO
    next_month: Decimal = _ZERO

    @property
    def pots(self) -> dict[str, Decimal | int]:
        return {
            "credit": self.credit.amount,
            "premium": self.premium_seconds,
            "basic": self.basic_seconds,
            "included": self.included_seconds,
        }

    @property
    def keeps_filled(self) -> bool:
        """Whether its Auto-Recharge charges as it should, by what its rule noted last: asking the
        rule itself takes four statements for each."""
        stopped = self.suspended_at or self.blocked_at or self.card_trouble
        return self.enabled and not stopped and self.hold_reason not in _LONG_HOLDS


@dataclass(frozen=True)
class Told:
    """What campaigns say of accounts: how many are paused for low balance, and seconds of calls
    from a day of theirs to another."""

    paused: Callable[[Account], Mapping[UUID, int]] = field(default=lambda _: {})
    used: Callable[[Account, date, date], Mapping[UUID, int]] = field(default=lambda *_: {})


_told: list[Told] = [Told()]


def campaigns_told_by(told: Told) -> None:
    _told[:] = [told]


def clients_of(agency: Account) -> list[Client]:
    """Every sub-account of the agency, archived and closed ones too, in no order."""
    now = clock.now()
    found = [_client(row) for row in _rows(agency)]
    by_pk = {one.pk: one for one in found}
    _note_payments(by_pk, agency)
    for pk, count in _told[0].paused(agency).items():
        if pk in by_pk:
            by_pk[pk].paused = count
    today = agency.local_date(now)
    for pk, seconds in _told[0].used(agency, today.replace(day=1), today).items():
        if pk in by_pk:
            by_pk[pk].used_seconds = seconds
    for asked in asks.open_asks(agency=agency):
        by_pk[asked.account_id].ask = asked
    _note_cards(found)
    _note_seats(by_pk, agency, now)
    _note_spending(found, agency, today)
    rates = rate_history()
    _note_next_month(found, agency, today, rates)
    _note_days(found, agency, rates.each_at(now))
    return found


_FACTS = {
    "wallet_id": "wallet__pk",
    "credit": "wallet__credit",
    "premium_seconds": "wallet__premium_seconds",
    "basic_seconds": "wallet__basic_seconds",
    "included_seconds": "wallet__included_seconds",
    "blocked_at": "wallet__blocked_at",
    "default_card": "wallet__default_payment_method",
    "enabled": "wallet__auto_recharge__enabled",
    "suspended_at": "wallet__auto_recharge__suspended_at",
    "suspended_reason": "wallet__auto_recharge__suspended_reason",
    "hold_reason": "wallet__auto_recharge__hold_reason",
    "not_before": "wallet__auto_recharge__not_before",
    "own_card": "wallet__auto_recharge__payment_method",
    "is_allocated": "auto_allocation__active",
    "basic_minutes": "auto_allocation__basic_minutes",
    "premium_minutes": "auto_allocation__premium_minutes",
    "anchor_date": "auto_allocation__anchor_date",
    "skip_period": "auto_allocation__skip_period",
}
_OWN = ("pk", "name", "status", "archived_at", "timezone")


def _rows(agency: Account) -> QuerySet:
    rows = sub_accounts.with_failures(Account.objects.filter(agency=agency), agency=agency)
    return rows.order_by().values_list(*_OWN, *_FACTS.values(), "payment_failed")


def _client(row: tuple) -> Client:
    facts = dict(zip((*_OWN, *_FACTS, "failed"), row, strict=True))
    is_closed = facts["status"] == Account.Status.CLOSED
    allocation = ("basic_minutes", "premium_minutes", "anchor_date", "skip_period")
    is_allocated = facts["is_allocated"] and not is_closed
    credit = facts["credit"]
    return Client(
        pk=facts["pk"],
        name=facts["name"],
        is_closed=is_closed,
        archived_at=facts["archived_at"],
        zone=facts["timezone"],
        wallet_id=facts["wallet_id"],
        credit=Dollars(getattr(credit, "amount", credit) or _ZERO),
        **{pot: facts[pot] or 0 for pot in ("premium_seconds", "basic_seconds")},
        included_seconds=facts["included_seconds"] or 0,
        blocked_at=facts["blocked_at"],
        enabled=bool(facts["enabled"]) and not is_closed,
        suspended_at=facts["suspended_at"],
        suspended_reason=facts["suspended_reason"] or "",
        hold_reason=facts["hold_reason"] or "",
        not_before=facts["not_before"],
        card_id=facts["own_card"] or facts["default_card"] or "",
        **({name: facts[name] for name in allocation} if is_allocated else {}),
        payment_failed=facts["failed"],
    )


def _note_payments(by_pk: dict[UUID, Client], agency: Account) -> None:
    """When failed ones are tried again, and which wait for the bank. Two queries: as a look for
    each of hundreds, they took as long as all the rest."""
    if any(one.payment_failed for one in by_pk.values()):
        for pk, again in sub_accounts.tried_again(agency=agency):
            if pk in by_pk:
                by_pk[pk].tried_again_at = again
    for pk, purchase, state in sub_accounts.open_payments(agency=agency):
        if pk in by_pk:
            by_pk[pk].at_bank = purchase if state == "requires_action" else None


def _note_cards(found: list[Client]) -> None:
    """What is wrong with the card of each that recharges itself. One query."""
    asked = {one.card_id for one in found if one.enabled and one.card_id}
    saved = djstripe.models.PaymentMethod.objects.filter(id__in=asked) if asked else ()
    expired = {row.id: read_card(row.stripe_data).is_expired for row in saved}
    now = clock.now()
    for one in found:
        if one.enabled:
            one.card_trouble = _card_trouble(one, expired, now)


def _card_trouble(one: Client, expired: Mapping[str, bool], now: datetime) -> str:
    if one.suspended_at:
        return f"Auto-Recharge stopped: {AutoRecharge.Suspended(one.suspended_reason).label}"
    if one.hold_reason == AutoRecharge.Hold.DECLINED and one.not_before and one.not_before > now:
        return "Auto-Recharge was declined, and is tried again"
    if not one.card_id or one.card_id not in expired:
        return "Auto-Recharge has no card"
    return "The card of Auto-Recharge has expired" if expired[one.card_id] else ""


def _note_seats(by_pk: dict[UUID, Client], agency: Account, now: datetime) -> None:
    """Whom nobody has joined yet, and what became of the invitation. Two queries."""
    seats = Membership.objects.filter(account=OuterRef("pk"))
    empty = Account.objects.filter(~Exists(seats), agency=agency).values_list("pk", flat=True)
    alone = list(empty)
    # By the agency, not by hundreds of ids: those take as long to write as the rest of the page.
    waiting = Invitation.objects.filter(account__agency=agency, accepted_at=None)
    ends = dict(waiting.order_by("expires_at").values_list("account", "expires_at"))
    for pk in alone:
        until = ends.get(pk)
        state = "no invitation" if until is None else "expired" if until <= now else "invited"
        by_pk[pk].awaits = state


def _note_spending(found: list[Client], agency: Account, today: date) -> None:
    """What the agency paid for each in this month of its own, without refunds. Two queries."""
    since = months.beginning(today.replace(day=1), agency.zone)
    paid = Purchase.objects.filter(
        payer=agency, purpose=Purchase.Purpose.ALLOCATION, state="succeeded", closed_at__gte=since
    ).order_by()
    cents = dict(paid.values_list("wallet").annotate(total=Sum("amount_cents")))
    back = Reversal.objects.standing().filter(purchase__in=paid, kind="refund").order_by()
    for wallet_id, total in back.values_list("purchase__wallet").annotate(Sum("amount_cents")):
        cents[wallet_id] -= total
    for one in found:
        one.spent = dollars(cents.get(one.wallet_id, 0))


def _note_next_month(found: list[Client], agency: Account, today: date, rates: RateHistory) -> None:
    """What next month's allocations will cost, at the rates of the days they are due."""
    last_day = months.due_date(today.replace(day=1), 1) - timedelta(days=1)
    following = months.due_date(today.replace(day=1), 2)
    at: dict[date, dict[str, Decimal]] = {}
    for one in found:
        if one.anchor_date is None:
            continue
        due = months.next_due(one.anchor_date, last_day)
        if due >= following or due == one.skip_period:
            continue
        if due not in at:
            at[due] = rates.each_at(months.beginning(due, agency.zone))
        one.next_month = estimate(
            basic_minutes=one.basic_minutes, premium_minutes=one.premium_minutes, rates=at[due]
        ).total


def _note_days(found: list[Client], agency: Account, rates: dict[str, Decimal]) -> None:
    """How long each lasts at its pace: the moment at which its first kind of calls stops."""
    wallets = {one.wallet_id: one.pk for one in found if one.wallet_id and not one.is_closed}
    measured: dict[int, Measured] = soft_cache.keep(
        f"paces:{agency.pk}:{rates['premium']}:{rates['basic']}",
        lambda: pace.measure_many(wallets=wallets, rates=rates),
        seconds=limits.PACES_KEPT_SECONDS,
    )
    for one in found:
        if one.wallet_id in measured and not one.is_closed:
            of_one = measured[one.wallet_id].pace
            if not of_one.is_nothing:
                days = runway.days_by_kind(wallet=one, pace=of_one, rates=rates)
                one.days = min(days.values())
