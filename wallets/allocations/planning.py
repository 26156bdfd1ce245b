"""What monthly allocation is due: the run of each month, made once, and the months missed.

A run is one month of one allocation; unique (allocation, period) makes it once whatever beats
twice. Locked in this order: the sub-account's wallet, the purchase, the allocation, the run.
"""

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import transaction
from django.db.models import Exists, F, Max, OuterRef, Q, QuerySet

from accounts import clock
from accounts.models import Account
from accounts.runtime.queues import Queue, awake
from accounts.runtime.time_limits import TimeIsUp
from accounts.runtime.waits import note_done
from wallets import limits, texts
from wallets.allocations import decision_log, notices
from wallets.balances import ledger
from wallets.balances.opening import open_wallet
from wallets.charging import switch
from wallets.errors import Refused
from wallets.models import AllocationRun, AutoAllocation, Purchase, Wallet
from wallets.models.purchase import OPEN_STATES
from wallets.months import beginning, current_period, due_dates
from wallets.prices.amounts import dollars
from wallets.prices.estimates import estimate
from wallets.texts import usd
from wallets.why.codes import Allocation

logger = logging.getLogger(__name__)

State = AllocationRun.State

# What the log says of a run that is made in this state.
_MADE = {
    State.DUE: Allocation.PLANNED,
    State.SKIPPED: Allocation.SKIPPED,
    State.MISSED: Allocation.MISSED,
}


@dataclass(frozen=True)
class LockedAllocation:
    """An allocation with its wallet, both locked."""

    allocation: AutoAllocation
    wallet: Wallet


def lock(*, allocation_id: int) -> LockedAllocation:
    """Lock the sub-account's wallet, then its allocation. Call inside a transaction."""
    account = AutoAllocation.objects.select_related("account").get(pk=allocation_id).account
    wallet_id = open_wallet(account=account).pk
    return lock_with(wallet=ledger.lock_one(wallet_id=wallet_id))


def lock_active(*, account: Account, agency: Account) -> LockedAllocation:
    """The agency's allocation for this account, locked. Raises Refused when there is none."""
    existing = AutoAllocation.objects.filter(account=account, agency=agency, active=True).first()
    if existing is None:
        raise Refused(f"{account.name} has no monthly allocation.")
    return lock(allocation_id=existing.pk)


def lock_with(*, wallet: Wallet) -> LockedAllocation:
    """Lock the allocation of a wallet that is locked already."""
    allocation = (
        AutoAllocation.objects.select_for_update(of=("self",), no_key=True)
        .select_related("agency", "account")
        .get(account_id=wallet.account_id)
    )
    return LockedAllocation(allocation, wallet)


def lock_run(*, allocation: AutoAllocation, **which: object) -> AllocationRun | None:
    run = AllocationRun.objects.select_for_update(of=("self",), no_key=True)
    found = run.filter(allocation=allocation, **which).first()
    if found:
        found.allocation = allocation
    return found


def period_now(allocation: AutoAllocation) -> date | None:
    """The due date of the month that runs now, where the agency is."""
    return current_period(allocation.anchor_date, allocation.agency.local_date(clock.now()))


def has_passed(run: AllocationRun) -> bool:
    """Whether a later month is due. One whose day lies ahead has not passed, it waits."""
    period = period_now(run.allocation)
    return period is not None and run.period < period


def lies_ahead(run: AllocationRun) -> bool:
    """Whether its day has not come where the agency is: its zone moved, or a clock is behind."""
    period = period_now(run.allocation)
    return period is None or run.period > period


def running() -> QuerySet[AutoAllocation]:
    """Allocations that may be charged at all: active, both accounts open, still its agency's."""
    return AutoAllocation.objects.filter(
        active=True,
        account__status="active",
        agency__status="active",
        account__agency=F("agency"),
    ).select_related("agency", "account")


def plan_due(*, now: datetime) -> list[int]:
    """Make the run of every allocation whose month has begun. Returns the ids of the due ones.

    Months that passed unrun are recorded as missed. Safe to repeat and to race. What its time is
    too short for is made by the next tick, those that waited longest first.
    """
    planned: list[int] = []
    all_done = True
    ends = time.monotonic() + limits.PLAN_SECONDS
    for allocation in _unplanned(now):
        if time.monotonic() > ends:
            all_done = False
            break
        run = _plan_alone(allocation, now)
        all_done = all_done and run is not None
        if run and run.state == State.DUE:
            planned.append(run.pk)
    if all_done:
        note_done("month_unplanned")
    return planned


def _plan_alone(allocation: AutoAllocation, now: datetime) -> AllocationRun | None:
    """The run of this one; None when it has to wait behind the others."""
    if not _claim(allocation, now):
        return None
    try:
        with transaction.atomic():
            return plan(locked=lock(allocation_id=allocation.pk))
    except TimeIsUp:
        raise
    # One broken allocation must not keep the others from their month.
    except Exception:
        logger.exception("allocation %s could not be planned", allocation.pk)
        return None


def oldest_unplanned() -> datetime | None:
    """Since when the longest waiting month has had no run: its day began, or it was saved then."""
    return min(
        (
            max(beginning(period_now(found), found.agency.zone), found.updated_at)
            for found in _unplanned(clock.now())
        ),
        default=None,
    )


def _claim(allocation: AutoAllocation, now: datetime) -> bool:
    """Move it back before it is looked at: one that cannot be planned waits behind the others."""
    turn = AutoAllocation.objects.filter(pk=allocation.pk, look_at=allocation.look_at)
    if allocation.look_at > now:
        return False
    return bool(turn.update(look_at=now + limits.PLAN_WAIT))


def _unplanned(now: datetime) -> Iterator[AutoAllocation]:
    """Running allocations without a run for the month that has begun."""
    tomorrow = now.date() + timedelta(days=1)
    begun = running().filter(anchor_date__lte=tomorrow).annotate(latest=Max("runs__period"))
    # Nearly all have their run: those that no zone's day can have made due are not even read.
    begun = begun.filter(Q(latest=None) | Q(latest__lte=tomorrow - limits.SHORTEST_MONTH))
    for allocation in begun.order_by("look_at", "pk").iterator(chunk_size=limits.PLAN_BITE):
        period = current_period(allocation.anchor_date, allocation.agency.local_date(now))
        if period and (allocation.latest is None or allocation.latest < period):
            yield allocation


def plan(*, locked: LockedAllocation) -> AllocationRun | None:
    """Make the runs from the last one to the month that runs now; only that one is ever due."""
    allocation = locked.allocation
    period = period_now(allocation)
    if period is None or not running().filter(pk=allocation.pk).exists():
        return None
    before = allocation.anchor_date - timedelta(days=1)
    latest = allocation.runs.aggregate(latest=Max("period"))["latest"] or before
    if latest >= period:
        return allocation.runs.filter(period=period).first()
    _close_passed(allocation, period)
    run = None
    for due in due_dates(allocation.anchor_date, after=max(latest, before)):
        if due > period:
            break
        run = _make_run(allocation, due, is_current=due == period)
    return run


def _close_passed(allocation: AutoAllocation, period: date) -> None:
    """A month that was never paid is over once the next one begins."""
    for passed in allocation.runs.filter(state=State.DUE, period__lt=period):
        if not passed.purchases.filter(state__in=OPEN_STATES).exists():
            close_passed_run(lock_run(allocation=allocation, pk=passed.pk))


def close_passed_run(run: AllocationRun) -> None:
    """Missed when it was never tried, else failed; the agency heard of each failure then."""
    run.state = State.FAILED if run.attempts else State.MISSED
    run.closed_at = clock.now()
    run.next_attempt_at = None
    run.save(update_fields=["state", "closed_at", "next_attempt_at"])
    if run.state == State.MISSED:
        notices.tell_missed(run)
        decision_log.run_decided(run, Allocation.MISSED)


def _make_run(allocation: AutoAllocation, due: date, *, is_current: bool) -> AllocationRun:
    run = AllocationRun(allocation=allocation, period=due, state=State.DUE)
    freeze(run)
    if allocation.skip_period == due:
        close(run, State.SKIPPED)
    elif not is_current:
        close(run, State.MISSED)
    run.save()
    decision_log.run_decided(run, _MADE[run.state])
    if run.state == State.MISSED:
        notices.tell_missed(run)
    if run.state == State.DUE:
        refuse_too_small(run)
    return run


def freeze(run: AllocationRun) -> None:
    """Take the minutes as they are set and the rates of this moment."""
    allocation = run.allocation
    cost = estimate(
        basic_minutes=allocation.basic_minutes, premium_minutes=allocation.premium_minutes
    )
    run.basic_minutes, run.premium_minutes = cost.basic_minutes, cost.premium_minutes
    run.basic_rate, run.premium_rate = cost.basic_rate, cost.premium_rate
    run.amount_cents = cost.total_cents


def refuse_too_small(run: AllocationRun) -> None:
    """Rates may have moved since saving: Stripe takes no less than 50 cents."""
    if run.amount_cents >= limits.CARD_LEAST_CENTS:
        return
    run.error_text = (
        f"A card charge must be at least {usd(dollars(limits.CARD_LEAST_CENTS))}. Set more minutes."
    )
    close(run, State.FAILED)
    run.save()
    mark_failed(run.allocation)
    notices.tell_too_small(run)
    decision_log.run_decided(run, Allocation.TOO_SMALL, error=run.error_text)


def close(run: AllocationRun, state: str) -> None:
    run.state = state
    run.closed_at = clock.now()
    run.next_attempt_at = None


def mark_failed(allocation: AutoAllocation) -> None:
    allocation.failed_at = clock.now()
    allocation.save(update_fields=["failed_at"])


def chargeable(now: datetime) -> QuerySet[AllocationRun]:
    """Runs to be charged now."""
    if switch.are_stopped():
        return AllocationRun.objects.none()
    in_the_way = Purchase.objects.filter(
        allocation_run=OuterRef("pk"), state__in=["created", "submitted"]
    )
    blocked = Q(allocation__account__wallet__blocked_at__isnull=False) | Q(
        allocation__agency__wallet__blocked_at__isnull=False
    )
    return (
        AllocationRun.objects.filter(awake(now), state=State.DUE, allocation__in=running())
        .filter(Q(next_attempt_at=None) | Q(next_attempt_at__lte=now))
        .exclude(blocked)
        .exclude(Exists(in_the_way))
    )


DUE = Queue(kind="allocation", rows=chargeable)


def dry_run(*, now: datetime) -> list[str]:
    """One line for each charge and each missed month that running now would make."""
    lines = []
    for allocation in _unplanned(now):
        today = allocation.agency.local_date(now)
        after = max(allocation.latest or date.min, allocation.anchor_date - timedelta(days=1))
        dues = list(_until(allocation.anchor_date, after, today))
        for due in dues:
            what = "missed" if due != dues[-1] else _would_charge(allocation)
            if due == allocation.skip_period:
                what = "skipped"
            lines.append(f"{allocation.account.name}, {due:%-d %b %Y}: {what}")
    due = chargeable(now).select_related("allocation__account")
    for found in due.order_by("period", "pk"):
        amount = usd(dollars(found.amount_cents))
        name = found.allocation.account.name
        lines.append(
            f"{name}, {found.period:%-d %b %Y}: charge {amount}, attempt {found.attempts + 1}"
        )
    return lines


def _until(anchor: date, after: date, last: date) -> Iterator[date]:
    for due in due_dates(anchor, after=after):
        if due > last:
            return
        yield due


def _would_charge(allocation: AutoAllocation) -> str:
    cost = estimate(
        basic_minutes=allocation.basic_minutes, premium_minutes=allocation.premium_minutes
    )
    minutes = texts.minutes_text(basic=allocation.basic_minutes, premium=allocation.premium_minutes)
    return f"charge {usd(cost.total)} for {minutes}"
