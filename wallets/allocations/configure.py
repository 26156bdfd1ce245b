"""Monthly allocation as people set it: save, preview, stop, skip."""

import logging
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from itertools import islice

from django.db import transaction

from accounts import clock
from accounts.audit import seen as seen_before
from accounts.models import Account, User
from accounts.runtime.nudges import nudge
from wallets import limits
from wallets.allocations import asks, month_runs, notices, planning, stopping
from wallets.allocations.planning import LockedAllocation, State
from wallets.allocations.retries import make_due
from wallets.allocations.runs import charge_run
from wallets.allocations.terms import (
    Preview,
    Wish,
    check_card,
    check_family,
    check_minutes,
    check_parties,
    describe,
    start_of,
)
from wallets.balances import ledger
from wallets.balances.opening import open_wallet
from wallets.charging import purchases
from wallets.errors import InvalidAmount, QuoteChanged, Refused
from wallets.models import AllocationRun, AutoAllocation, Purchase
from wallets.models.purchase import OPEN_STATES
from wallets.months import due_dates
from wallets.prices.amounts import dollars
from wallets.stripe import answers, gateway
from wallets.texts import spoken, usd

logger = logging.getLogger(__name__)

# What the dialog shows and saves.
TERMS = ("active", "basic_minutes", "premium_minutes", "payment_method")


def preview(
    *,
    account: Account,
    agency: Account,
    basic_minutes: int,
    premium_minutes: int,
    start_date: date | None = None,
    payment_method: str = "",
) -> Preview:
    """What saving would mean: the estimate, the first charge and the sentence about it.

    Writes nothing. Minutes out of range raise InvalidAmount; a charge below Stripe's minimum or
    an unusable date or card is told in `problem`, because the person is still typing.
    """
    check_parties(account=account, agency=agency)
    wish = Wish(basic_minutes, premium_minutes, payment_method, start_date)
    check_minutes(wish)
    return describe(allocation=_existing(account), agency=agency, wish=wish)


def save(
    *,
    account: Account,
    agency: Account,
    actor: User | None,
    basic_minutes: int,
    premium_minutes: int,
    payment_method: str,
    start_date: date | None = None,
    seen: str = "",
    quoted_charge: Decimal | None = None,
) -> AutoAllocation:
    """Set what the agency buys for its sub-account each month; both 0 stops it.

    The first charge is made after the commit: by `charge_now`, or by a task. Raises
    InvalidAmount, NoPaymentMethod or Refused; then nothing was changed. `seen` marks the terms
    that were shown: others' newer ones raise Overtaken, except when it is stopped. `quoted_charge`
    is what was shown as charged today: another figure raises QuoteChanged.
    """
    check_family(account=account, agency=agency)
    wish = Wish(basic_minutes, premium_minutes, payment_method, start_date)
    check_minutes(wish)
    if wish.is_nothing:
        return _stop_if_set(account=account, agency=agency, actor=actor)
    check_parties(account=account, agency=agency)
    return _save(
        account=account,
        agency=agency,
        actor=actor,
        wish=wish,
        seen=seen,
        quoted_charge=quoted_charge,
    )


def charge_now(*, allocation: AutoAllocation, actor: User | None) -> Purchase | None:
    """Charge the month that saving has made due while the person waits, and tell the payment.

    None when nothing is due. A worker may be at it already: then its payment is told. Repeating it
    charges nothing more. Call with no transaction open.
    """
    run = allocation.runs.filter(period=planning.period_now(allocation), state=State.DUE).first()
    if run is None:
        return None
    with gateway.person_waiting():
        charge_run(run_id=run.pk, actor=actor)
    return run.purchases.order_by("created_at").last()


@transaction.atomic
def _save(
    *,
    account: Account,
    agency: Account,
    actor: User | None,
    wish: Wish,
    seen: str,
    quoted_charge: Decimal | None,
) -> AutoAllocation:
    shown = describe(allocation=_existing(account), agency=agency, wish=wish)
    if shown.problem:
        raise InvalidAmount(shown.problem, fields={shown.problem_field: shown.problem})
    check_card(agency=agency, wish=wish)
    locked = _locked_or_new(account=account, agency=agency, wish=wish)
    # As it is by now: whoever archives it ends what was saved before, and nothing after.
    check_parties(account=locked.allocation.account, agency=agency)
    another_card = locked.allocation.payment_method != wish.payment_method
    with seen_before.guarding(locked.allocation, fields=TERMS, seen=seen):
        _set(locked.allocation, agency=agency, wish=wish)
    notices.tell_changed(locked.allocation, f"{locked.allocation}.", actor)
    run, is_tried_now = _revive_current(locked, another_card=another_card)
    if run is None:
        run, is_tried_now = next(iter(planning.plan(locked=[locked])), None), True
    if run and run.state == State.DUE:
        # Its rates are those of this moment, and not of the one that was shown.
        if is_tried_now and quoted_charge not in (None, charge := dollars(run.amount_cents)):
            raise QuoteChanged(f"The charge today is {usd(charge)} now. Check and save again.")
        nudge("wallets.run_allocation", run.pk)
    return locked.allocation


def mark_of(allocation: AutoAllocation | None) -> str:
    """The mark of the terms a page shows: of none yet it is that of a stopped one of nothing."""
    return seen_before.mark(allocation or AutoAllocation(active=False), fields=TERMS)


def require_seen(*, account: Account, seen: str) -> None:
    """Raise Overtaken unless the allocation that a deed would end is the one that was shown."""
    shown = _existing(account) or AutoAllocation(active=False)
    seen_before.refuse_overtaken(shown, fields=TERMS, seen=seen)


def _existing(account: Account) -> AutoAllocation | None:
    return AutoAllocation.objects.filter(account=account).select_related("agency").first()


def _stop_if_set(*, account: Account, agency: Account, actor: User | None) -> AutoAllocation:
    existing = _existing(account)
    if existing is None or not existing.active:
        message = "Enter minutes for at least one type."
        raise InvalidAmount(message, fields={"basic_minutes": message})
    return stop(account=account, agency=agency, actor=actor)


def _locked_or_new(*, account: Account, agency: Account, wish: Wish) -> LockedAllocation:
    """The allocation, locked after its wallet; a new one is inactive until it is set."""
    wallet_id = open_wallet(account=account).pk
    wallet = ledger.lock_one(wallet_id=wallet_id)
    today = agency.local_date(clock.now())
    AutoAllocation.objects.get_or_create(
        account=account,
        defaults={
            "agency": agency,
            "active": False,
            "anchor_date": wish.start_date or today,
        },
    )
    return planning.lock_with(wallet=wallet)


def _set(allocation: AutoAllocation, *, agency: Account, wish: Wish) -> None:
    today = agency.local_date(clock.now())
    anchor = start_of(allocation=allocation, wish=wish, today=today)
    if anchor != allocation.anchor_date or not allocation.active:
        allocation.skip_period = None
    allocation.agency = agency
    allocation.anchor_date = anchor
    allocation.basic_minutes = wish.basic_minutes
    allocation.premium_minutes = wish.premium_minutes
    if allocation.payment_method != wish.payment_method:
        # What was wrong was wrong with the other card.
        allocation.failed_at = None
    allocation.payment_method = wish.payment_method
    allocation.active = True
    allocation.updated_at = clock.now()
    allocation.save()


def _revive_current(
    locked: LockedAllocation, *, another_card: bool
) -> tuple[AllocationRun | None, bool]:
    """Make this month's unpaid run due again: another card, a restart, or enough minutes now. Also
    whether it is: no payment that was begun before is what pays it."""
    allocation = locked.allocation
    period = planning.period_now(allocation)
    run = planning.lock_run(allocation=allocation, period=period) if period else None
    if run is None:
        return None, False
    is_open = run.purchases.filter(state__in=[*OPEN_STATES, "succeeded"]).exists()
    untried = not is_open and (
        run.state == State.CANCELED or run.amount_cents < limits.CARD_LEAST_CENTS
    )
    if untried:
        month_runs.freeze(run)
    if untried or run.state == State.CANCELED:
        return make_due(run), untried
    if another_card and run.state in (State.DUE, State.FAILED):
        return make_due(run), not is_open
    return run, False


def stop(*, account: Account, agency: Account, actor: User | None) -> AutoAllocation:
    """No more monthly charges; unpaid runs are canceled. Minutes already credited stay.

    Nobody is denied this: it also works while an account is closed. Raises Refused when there is
    nothing to stop.
    """
    check_family(account=account, agency=agency)
    with transaction.atomic():
        allocation = planning.lock_active(account=account, agency=agency).allocation
        allocation.basic_minutes = allocation.premium_minutes = 0
        stopping.end(allocation, "stopped. Minutes already credited stay.", actor)
    _cancel_waiting(allocation)
    return allocation


def end_archived(*, account: Account, actor: User | None) -> None:
    """Its agency archives it: the allocation stops, and what it asked for is declined.

    Call with no transaction open. Repeatable. What is just being saved is waited for.
    """
    with transaction.atomic():
        ledger.lock_one(wallet_id=open_wallet(account=account).pk)
    if AutoAllocation.objects.filter(account=account, agency=account.agency, active=True).exists():
        stop(account=account, agency=account.agency, actor=actor)
    with transaction.atomic():
        asks.end_of(account=account, actor=actor, answer="The account was archived.")


def _cancel_waiting(allocation: AutoAllocation) -> None:
    """Give up what was not confirmed yet; what was submitted ends as Stripe says."""
    waiting = Purchase.objects.filter(
        allocation_run__allocation=allocation, state__in=["created", "requires_action"]
    )
    for purchase in waiting:
        try:
            with gateway.person_waiting():
                purchases.cancel(purchase_id=purchase.pk)
        except answers.GatewayError as error:
            # Its last look finds the run canceled; a bank's link ends after a day.
            logger.warning("purchase %s was not canceled: %s", purchase.pk, error)


def skip_next(
    *, account: Account, agency: Account, actor: User | None, shown: date | None = None
) -> AutoAllocation:
    """Leave out the next month that has not run yet. Repeating it skips no other month.

    `shown` is the month that a page called the next: when it is another one by now, Refused.
    """
    check_parties(account=account, agency=agency)
    with transaction.atomic():
        allocation = planning.lock_active(account=account, agency=agency).allocation
        skipped = next(_coming(allocation))
        if shown not in (None, skipped):
            raise Refused(
                f"The next month is that of {_day(allocation, skipped)} now. Nothing was changed. "
                "Look at it again first."
            )
        if allocation.skip_period != skipped:
            allocation.skip_period = skipped
            allocation.save(update_fields=["skip_period"])
            notices.tell_changed(allocation, f"{_day(allocation, skipped)} is skipped.", actor)
    return allocation


def unskip(
    *, account: Account, agency: Account, actor: User | None, shown: date | None = None
) -> AutoAllocation:
    """Charge the skipped month after all, while it has not begun. Raises Refused after that, and
    when it is not the month that a page said is skipped (`shown`)."""
    check_parties(account=account, agency=agency)
    with transaction.atomic():
        allocation = planning.lock_active(account=account, agency=agency).allocation
        skipped = allocation.skip_period
        if skipped is None or allocation.runs.filter(period=skipped).exists():
            raise Refused("No coming month is skipped.")
        if shown not in (None, skipped):
            raise Refused(
                f"{_day(allocation, skipped)} is skipped now. Nothing was changed. "
                "Look at it again first."
            )
        allocation.skip_period = None
        allocation.save(update_fields=["skip_period"])
        notices.tell_changed(
            allocation, f"{_day(allocation, skipped)} is charged after all.", actor
        )
    return allocation


def _day(allocation: AutoAllocation, day: date) -> str:
    return spoken(day, today=allocation.agency.local_date(clock.now()))


def _coming(allocation: AutoAllocation) -> Iterator[date]:
    """Due dates from today on that have no run yet, the skipped one included."""
    latest = allocation.runs.order_by("-period").values_list("period", flat=True).first()
    return _after(allocation, latest, allocation.agency.local_date(clock.now()))


def _after(allocation: AutoAllocation, latest: date | None, today: date) -> Iterator[date]:
    yesterday = date.fromordinal(today.toordinal() - 1)
    return due_dates(allocation.anchor_date, after=max(latest or yesterday, yesterday))


def upcoming(allocation: AutoAllocation, n: int = 12) -> list[date]:
    """The next `n` days on which the agency will be charged; the skipped month is left out."""
    latest = allocation.runs.order_by("-period").values_list("period", flat=True).first()
    return upcoming_after(allocation, latest=latest, n=n)


def upcoming_after(allocation: AutoAllocation, *, latest: date | None, n: int) -> list[date]:
    """`upcoming`, for a caller that knows the period of the latest run. No query."""
    if not allocation.active:
        return []
    coming = _after(allocation, latest, allocation.agency.local_date(clock.now()))
    return list(islice((due for due in coming if due != allocation.skip_period), n))


def next_charge(allocation: AutoAllocation, *, latest: date | None, today: date) -> date | None:
    """The first of `upcoming`, for a caller that knows the period of the latest run and the
    agency's day."""
    if not allocation.active:
        return None
    coming = _after(allocation, latest, today)
    return next(due for due in coming if due != allocation.skip_period)
