"""What monthly allocation is due: the run of each month, made once, and the months missed.

A run is one month of one allocation; unique (allocation, period) makes it once whatever beats
twice. Locked in this order: the sub-account's wallet, the purchase, the allocation, the run.
"""

import logging
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import islice

from django.db import transaction
from django.db.models import Exists, F, Max, OuterRef, Q, QuerySet

from accounts import clock
from accounts.models import Account
from accounts.runtime.queues import Queue, awake
from accounts.runtime.time_limits import TimeIsUp
from accounts.runtime.waits import note_done
from wallets import limits, texts
from wallets.allocations import month_runs
from wallets.balances import ledger
from wallets.balances.opening import open_wallet
from wallets.charging import switch
from wallets.errors import Refused
from wallets.models import AllocationRun, AutoAllocation, Purchase, Wallet
from wallets.months import beginning, current_period, due_dates
from wallets.prices.amounts import dollars
from wallets.prices.estimates import estimate
from wallets.prices.rates import rates_now
from wallets.texts import usd

logger = logging.getLogger(__name__)

State = AllocationRun.State


@dataclass(frozen=True)
class LockedAllocation:
    """An allocation with its wallet, both locked."""

    allocation: AutoAllocation
    wallet: Wallet


def lock(*, allocation_id: int) -> LockedAllocation:
    """Lock the sub-account's wallet, then its allocation. Call inside a transaction.

    Raises AutoAllocation.DoesNotExist.
    """
    for locked in lock_all(allocation_ids=[allocation_id]):
        return locked
    raise AutoAllocation.DoesNotExist(f"There is no allocation {allocation_id}.")


def lock_all(*, allocation_ids: Collection[int]) -> list[LockedAllocation]:
    """Lock the sub-accounts' wallets, then their allocations, each by primary key."""
    accounts = Account.objects.filter(auto_allocation__in=allocation_ids)
    accounts = accounts.select_related("wallet__auto_recharge")
    wallets = ledger.lock(wallet_ids=[_wallet_of(account).pk for account in accounts])
    by_account = {wallet.account_id: wallet for wallet in wallets.values()}
    allocations = _locking().filter(pk__in=allocation_ids).order_by("pk")
    return [LockedAllocation(one, by_account[one.account_id]) for one in allocations]


def _wallet_of(account: Account) -> Wallet:
    """The one that came with it, or a new one."""
    wallet = getattr(account, "wallet", None)
    return wallet if hasattr(wallet, "auto_recharge") else open_wallet(account=account)


def lock_active(*, account: Account, agency: Account) -> LockedAllocation:
    """The agency's allocation for this account, locked. Raises Refused when there is none."""
    existing = AutoAllocation.objects.filter(account=account, agency=agency, active=True).first()
    if existing is None:
        raise Refused(f"{account.name} has no monthly allocation.")
    return lock(allocation_id=existing.pk)


def lock_with(*, wallet: Wallet) -> LockedAllocation:
    """Lock the allocation of a wallet that is locked already."""
    return LockedAllocation(_locking().get(account_id=wallet.account_id), wallet)


def _locking() -> QuerySet[AutoAllocation]:
    locking = AutoAllocation.objects.select_for_update(of=("self",), no_key=True)
    return locking.select_related("agency", "account")


def lock_run(*, allocation: AutoAllocation, **which: object) -> AllocationRun | None:
    run = AllocationRun.objects.select_for_update(no_key=True)
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
    return AutoAllocation.objects.filter(is_running()).select_related("agency", "account")


def is_running(of: str = "") -> Q:
    """The same as a condition, also on what leads to an allocation by `of`."""
    conditions = {
        "active": True,
        "account__status": "active",
        "agency__status": "active",
        "account__agency": F(f"{of}agency"),
    }
    return Q(**{f"{of}{name}": value for name, value in conditions.items()})


def plan_due(*, now: datetime) -> list[int]:
    """Make the run of every allocation whose month has begun. Returns the ids of the due ones.

    Months that passed unrun are recorded as missed. Safe to repeat and to race. What its time is
    too short for is made by the next tick, those that waited longest first.
    """
    planned: list[int] = []
    all_done = True
    ends = time.monotonic() + limits.PLAN_SECONDS
    waiting = _unplanned(now)
    while bite := list(islice(waiting, limits.PLAN_BITE)):
        if time.monotonic() > ends:
            all_done = False
            break
        claimed = _claim([allocation.pk for allocation in bite], now)
        runs = _plan_bite(claimed, ends) if claimed else []
        all_done = all_done and len(runs) == len(bite)
        planned += [run.pk for run in runs if run.state == State.DUE]
    if all_done:
        note_done("month_unplanned")
    return planned


def _plan_bite(allocation_ids: list[int], ends: float) -> list[AllocationRun]:
    """Their runs, in one transaction; each alone when that fails, while there is time. What cannot
    be planned has none, and waits behind the others."""
    try:
        with transaction.atomic():
            return plan(locked=lock_all(allocation_ids=allocation_ids))
    except TimeIsUp:
        raise
    # One broken allocation must not keep the others from their month.
    except Exception:
        logger.exception("allocations %s could not be planned", allocation_ids)
    alone = [] if len(allocation_ids) == 1 else allocation_ids
    return [run for pk in alone if time.monotonic() < ends for run in _plan_bite([pk], ends)]


def oldest_unplanned() -> datetime | None:
    """Since when the longest waiting month has had no run: its day began, or it was saved then."""
    return min(
        (
            max(beginning(period_now(found), found.agency.zone), found.updated_at)
            for found in _unplanned(clock.now())
        ),
        default=None,
    )


@transaction.atomic
def _claim(allocation_ids: list[int], now: datetime) -> list[int]:
    """Those of these that nobody else is at, moved back before they are looked at: one that cannot
    be planned waits behind the others."""
    due = AutoAllocation.objects.filter(pk__in=allocation_ids, look_at__lte=now).order_by("pk")
    due = due.select_for_update(skip_locked=True, no_key=True)
    claimed = list(due.values_list("pk", flat=True))
    AutoAllocation.objects.filter(pk__in=claimed).update(look_at=now + limits.PLAN_WAIT)
    return claimed


def _unplanned(now: datetime) -> Iterator[AutoAllocation]:
    """Running allocations without a run for the month that has begun."""
    tomorrow = now.date() + timedelta(days=1)
    begun = running().filter(anchor_date__lte=tomorrow).annotate(latest=Max("runs__period"))
    # Nearly all have their run: those that no zone's day can have made due are not even read. A
    # schedule that has none of its own begins whenever the one before it ended.
    none_yet = Q(latest=None) | Q(latest__lt=F("anchor_date"))
    begun = begun.filter(none_yet | Q(latest__lte=tomorrow - limits.SHORTEST_MONTH))
    for allocation in begun.order_by("look_at", "pk").iterator(chunk_size=limits.PLAN_BITE):
        period = current_period(allocation.anchor_date, allocation.agency.local_date(now))
        if period and (allocation.latest is None or allocation.latest < period):
            yield allocation


def plan(*, locked: Sequence[LockedAllocation]) -> list[AllocationRun]:
    """Make the runs of these from their last one to the month that runs now; only that is ever due.

    Returns each one's run of that month. Of what may not be charged at all there is none.
    """
    ids = [one.allocation.pk for one in locked]
    may_run = set(running().filter(pk__in=ids).values_list("pk", flat=True))
    made = AllocationRun.objects.filter(allocation__in=ids).order_by().values_list("allocation")
    latest = dict(made.annotate(Max("period")))
    begun: dict[int, date] = {}
    found: list[AllocationRun] = []
    wanted: list[AllocationRun] = []
    rates = rates_now()
    for allocation in (one.allocation for one in locked):
        period = period_now(allocation)
        if period is None or allocation.pk not in may_run:
            continue
        after = _planned_until(allocation, latest.get(allocation.pk))
        if after >= period:
            found += allocation.runs.filter(period=period)
            continue
        begun[allocation.pk] = period
        wanted += [
            month_runs.new(allocation, due, is_current=due == period, rates=rates)
            for due in _until(allocation.anchor_date, after, period)
        ]
    _close_passed(locked, begun)
    month_runs.make(wanted)
    _end_skips(locked, begun)
    return found + [run for run in wanted if run.period == begun[run.allocation_id]]


def _close_passed(locked: Sequence[LockedAllocation], begun: dict[int, date]) -> None:
    """A month that was never paid is over once the next one begins."""
    unpaid = AllocationRun.objects.filter(allocation__in=begun, state=State.DUE)
    unpaid = unpaid.exclude(Exists(Purchase.objects.open().filter(allocation_run=OuterRef("pk"))))
    allocations = {one.allocation.pk: one.allocation for one in locked}
    for passed in unpaid.order_by("allocation", "period"):
        if passed.period < begun[passed.allocation_id]:
            allocation = allocations[passed.allocation_id]
            month_runs.close_passed(lock_run(allocation=allocation, pk=passed.pk))


def _end_skips(locked: Sequence[LockedAllocation], begun: dict[int, date]) -> None:
    """A month that was left out has begun: the next one may be, too."""
    for allocation in (one.allocation for one in locked):
        period = begun.get(allocation.pk)
        if period and allocation.skip_period and allocation.skip_period <= period:
            allocation.skip_period = None
            allocation.save(update_fields=["skip_period"])


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
        after = _planned_until(allocation, allocation.latest)
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


def _planned_until(allocation: AutoAllocation, latest: date | None) -> date:
    """The day after which months may have to be made yet; `latest` is that of the last run."""
    return max(latest or date.min, allocation.anchor_date - timedelta(days=1))


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
