"""The run of one month: made with the minutes and rates of its moment, and closed."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from accounts import clock
from wallets import limits
from wallets.allocations import decision_log, notices
from wallets.models import AllocationRun, AutoAllocation
from wallets.prices.amounts import dollars
from wallets.prices.estimates import estimate
from wallets.texts import usd
from wallets.why.codes import Allocation

State = AllocationRun.State

# What the log says of a run that is made in this state.
_MADE = {
    State.DUE: Allocation.PLANNED,
    State.SKIPPED: Allocation.SKIPPED,
    State.MISSED: Allocation.MISSED,
}


def new(
    allocation: AutoAllocation, due: date, *, is_current: bool, rates: dict[str, Decimal]
) -> AllocationRun:
    """The run of the month that is due on this day, in memory."""
    run = AllocationRun(allocation=allocation, period=due)
    freeze(run, rates)
    if allocation.skip_period == due:
        close(run, State.SKIPPED)
    elif not is_current:
        close(run, State.MISSED)
    return run


def make(runs: Sequence[AllocationRun]) -> None:
    """Write them down and say so. Call with the sub-accounts' wallets locked."""
    AllocationRun.objects.bulk_create(runs)
    decision_log.runs_made([(run, _MADE[run.state]) for run in runs])
    for run in runs:
        if run.state == State.MISSED:
            notices.tell_missed(run)
        if run.state == State.DUE:
            refuse_too_small(run)


def freeze(run: AllocationRun, rates: dict[str, Decimal] | None = None) -> None:
    """Take the minutes as they are set and the rates of this moment."""
    allocation = run.allocation
    cost = estimate(
        basic_minutes=allocation.basic_minutes,
        premium_minutes=allocation.premium_minutes,
        rates=rates,
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
    """On the row in memory."""
    run.state = state
    run.closed_at = clock.now()
    run.next_attempt_at = None


def close_passed(run: AllocationRun) -> None:
    """Missed when it was never tried, else failed; the agency heard of each failure then."""
    close(run, State.FAILED if run.attempts else State.MISSED)
    run.save(update_fields=["state", "closed_at", "next_attempt_at"])
    if run.state == State.MISSED:
        notices.tell_missed(run)
        decision_log.run_decided(run, Allocation.MISSED)


def mark_failed(allocation: AutoAllocation) -> None:
    allocation.failed_at = clock.now()
    allocation.save(update_fields=["failed_at"])
