"""The facts about every sub-account of an agency, for one page: as many statements for five
hundred of them as for one. Reads only.

What campaigns know (paused ones, minutes that calls used) is told by `campaigns_told_by`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache
from uuid import UUID

import djstripe.models
from django.db import connection
from django.db.models import QuerySet, Sum

from accounts import clock
from accounts.models import Account
from accounts.runtime import soft_cache
from wallets import limits, months
from wallets.agencies.client import Client, Dollars
from wallets.allocations import asks, sub_accounts
from wallets.cards.payment_methods import read_card
from wallets.forecasts import pace, runway
from wallets.forecasts.pace import Pace
from wallets.models import AutoRecharge, Purchase, Reversal
from wallets.prices.amounts import dollars
from wallets.prices.estimates import estimate
from wallets.prices.rates import RateHistory, rate_history

_ZERO = Decimal(0)


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


_FACTS = (
    "pk",
    "name",
    "status",
    "archived_at",
    "timezone",
    "wallet__pk",
    "wallet__credit",
    "wallet__premium_seconds",
    "wallet__basic_seconds",
    "wallet__included_seconds",
    "wallet__blocked_at",
    "wallet__default_payment_method",
    "wallet__auto_recharge__enabled",
    "wallet__auto_recharge__suspended_at",
    "wallet__auto_recharge__suspended_reason",
    "wallet__auto_recharge__hold_reason",
    "wallet__auto_recharge__not_before",
    "wallet__auto_recharge__payment_method",
    "auto_allocation__active",
    "auto_allocation__basic_minutes",
    "auto_allocation__premium_minutes",
    "auto_allocation__anchor_date",
    "auto_allocation__skip_period",
    "payment_failed",
)


def _rows(agency: Account) -> QuerySet:
    rows = sub_accounts.with_failures(Account.objects.filter(agency=agency), agency=agency)
    return rows.order_by().values_list(*_FACTS)


def _client(row: tuple) -> Client:
    pk, name, status, archived_at, zone, *wallet = row[:-6]
    is_allocated, basic_minutes, premium_minutes, anchor_date, skip_period, failed = row[-6:]
    wallet_id, credit, premium, basic, included, blocked_at, default_card, *automatic = wallet
    enabled, suspended_at, suspended_reason, hold_reason, not_before, own_card = automatic
    is_closed = status == Account.Status.CLOSED
    has_months = is_allocated and not is_closed
    return Client(
        pk=pk,
        name=name,
        is_closed=is_closed,
        archived_at=archived_at,
        zone=zone,
        wallet_id=wallet_id,
        credit=Dollars(getattr(credit, "amount", credit) or _ZERO),
        premium_seconds=premium or 0,
        basic_seconds=basic or 0,
        included_seconds=included or 0,
        blocked_at=blocked_at,
        enabled=bool(enabled) and not is_closed,
        suspended_at=suspended_at,
        suspended_reason=suspended_reason or "",
        hold_reason=hold_reason or "",
        not_before=not_before,
        card_id=own_card or default_card or "",
        basic_minutes=basic_minutes if has_months else 0,
        premium_minutes=premium_minutes if has_months else 0,
        anchor_date=anchor_date if has_months else None,
        skip_period=skip_period if has_months else None,
        payment_failed=failed,
    )


def _note_payments(by_pk: dict[UUID, Client], agency: Account) -> None:
    """When failed ones are tried again, and which have no answer yet. Two queries: as a look for
    each of hundreds, they took as long as all the rest."""
    if any(one.payment_failed for one in by_pk.values()):
        for pk, again in sub_accounts.tried_again(agency=agency):
            if pk in by_pk:
                by_pk[pk].tried_again_at = again
    for pk, purchase, state in sub_accounts.open_payments(agency=agency):
        if pk in by_pk:
            by_pk[pk].open_purchase, by_pk[pk].open_state = purchase, state


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


# Sub-accounts in which nobody works, and until when the latest invitation may be accepted.
EMPTY = """
SELECT a.id, (
    SELECT max(i.expires_at) FROM accounts_invitation AS i
    WHERE i.account_id = a.id AND i.accepted_at IS NULL)
FROM accounts_account AS a
WHERE a.agency_id = %s AND NOT EXISTS (
    SELECT FROM accounts_membership AS m WHERE m.account_id = a.id)
"""


def _note_seats(by_pk: dict[UUID, Client], agency: Account, now: datetime) -> None:
    """Whom nobody has joined yet, and what became of the invitation. One query."""
    with connection.cursor() as cursor:
        cursor.execute(EMPTY, [agency.pk])
        found = cursor.fetchall()
    for pk, until in found:
        state = "no invitation" if until is None else "expired" if until <= now else "invited"
        if pk in by_pk:
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

    # Hundreds have the same few days and minutes.
    @cache
    def due_after(anchor: date) -> date:
        return months.next_due(anchor, last_day)

    @cache
    def cost(due: date, basic: int, premium: int) -> Decimal:
        at = rates.each_at(months.beginning(due, agency.zone))
        return estimate(basic_minutes=basic, premium_minutes=premium, rates=at).total

    for one in found:
        if one.anchor_date is None:
            continue
        due = due_after(one.anchor_date)
        if due < following and due != one.skip_period:
            one.next_month = cost(due, one.basic_minutes, one.premium_minutes)


def _note_days(found: list[Client], agency: Account, rates: dict[str, Decimal]) -> None:
    """How long each lasts at its pace: the moment at which its first kind of calls stops."""
    wallets = {one.wallet_id: one.pk for one in found if one.wallet_id and not one.is_closed}
    paused = {one.wallet_id: one.paused for one in found}
    then: dict[int, int]
    paces: dict[int, tuple[str, ...]]
    then, paces = soft_cache.keep(
        f"paces:{agency.pk}:{rates['premium']}:{rates['basic']}",
        lambda: (paused, _paces(wallets, rates)),
        seconds=limits.PACES_KEPT_SECONDS,
    )
    # Campaigns that paused or were resumed since change a pace at once.
    if changed := {pk: wallets[pk] for pk in wallets if paused[pk] != then.get(pk, 0)}:
        same = {pk: one for pk, one in paces.items() if pk not in changed}
        paces = same | _paces(changed, rates)
    for one in found:
        if one.wallet_id in paces and not one.is_closed:
            of_one = Pace(*map(Decimal, paces[one.wallet_id]))
            one.days = min(runway.days_by_kind(wallet=one, pace=of_one, rates=rates).values())


def _paces(wallets: dict[int, UUID], rates: dict[str, Decimal]) -> dict[int, tuple[str, ...]]:
    """Of each wallet that is used, as texts: hundreds of objects take the cache long to read."""
    measured = pace.measure_many(wallets=wallets, rates=rates)
    return {
        wallet: (str(one.premium), str(one.basic), str(one.premium_then_basic), str(one.credit))
        for wallet, one in ((wallet, each.pace) for wallet, each in measured.items())
        if not one.is_nothing
    }
