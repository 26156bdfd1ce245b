"""What waits in wallets and in no queue, for the figures and the books.

docs/waiting.md says who moves each kind, and every way out of it.
"""

from datetime import datetime

from django.db.models import Count, Exists, Max, Min, OuterRef, Q, QuerySet

from accounts import clock
from accounts.cells.place import Of
from accounts.runtime.queues import REST
from accounts.runtime.waits import Wait, not_since_done, oldest
from wallets import limits
from wallets.allocations import planning
from wallets.balances import included
from wallets.charging import switch
from wallets.models import (
    AdjustmentRequest,
    AllocationRun,
    AutoAllocation,
    AutoRecharge,
    CardAttempt,
    CatchUp,
    MinuteAsk,
    PaperMail,
    Parties,
    Purchase,
    Reversal,
    Seller,
    StripeComparison,
    StripeEvent,
    Wallet,
)
from wallets.models.purchase import OPEN_STATES
from wallets.recharges import auto_recharge
from wallets.reversals import refunds

State = Purchase.State


def _open_purchases(state: str) -> QuerySet:
    return Purchase.objects.filter(state=state, quarantined_at=None)


def _automatic() -> QuerySet:
    return AutoRecharge.objects.filter(enabled=True, wallet__account__status="active")


def _resting() -> datetime | None:
    """Since when what killed ten workers in a row is left alone."""
    now = clock.now()
    lists = (
        (Purchase.objects.open(), "rests_until"),
        (AutoRecharge.objects.filter(enabled=True), "rests_until"),
        (AutoRecharge.objects.all(), "low_rests_until"),
        (AutoRecharge.objects.all(), "minutes_rests_until"),
        (AllocationRun.objects.filter(state=AllocationRun.State.DUE), "rests_until"),
        (_failed_now(), "rests_until"),
        (Reversal.objects.filter(kind="refund", state__in=refunds.OPEN), "rests_until"),
        (PaperMail.objects.filter(mail_due_at__isnull=False), "rests_until"),
    )
    ends = [oldest(rows.filter(**{f"{until}__gt": now}), until) for rows, until in lists]
    return min((one - REST for one in ends if one), default=None)


def _unnamed() -> datetime | None:
    """Since when a receipt names no seller, because support has set none for its buyer."""
    ways = Seller.objects.filter(Q(country="") | Q(country=OuterRef("buyer_country")))
    return oldest(Parties.objects.filter(~Exists(ways), seller_name=""), "purchase__closed_at")


def _compared() -> datetime | None:
    """Up to when Stripe and we were compared last; on the first night, since it began, and of a
    cell that was away, since the others were."""
    behind = StripeComparison.objects.filter(finished_at=None).exclude(cell="")
    if since := oldest(behind, "started_at"):
        return since
    done = StripeComparison.objects.exclude(finished_at=None)
    latest = done.aggregate(latest=Max("until"))["latest"]
    return latest or oldest(StripeComparison.objects.all(), "started_at")


def _caught_up() -> datetime | None:
    """Up to when Stripe was asked last for refunds and disputes that no event told."""
    done = CatchUp.objects.exclude(finished_at=None).aggregate(latest=Max("until"))["latest"]
    return done or oldest(CatchUp.objects.all(), "until")


def _tried_too_often() -> datetime | None:
    recent = CardAttempt.objects.counted().filter(
        created_at__gt=clock.now() - limits.CARD_ATTEMPTS_WINDOW
    )
    counts = recent.order_by().values("account").annotate(many=Count("pk"), last=Max("created_at"))
    full = counts.filter(many__gte=limits.CARD_ATTEMPTS)
    return full.aggregate(oldest=Min("last"))["oldest"]


def _hold_ended(reason: str) -> datetime | None:
    """Since when the longest hold has been over, while a charge is still wanted."""
    now = clock.now()
    wanted = auto_recharge.DUE.rows(now).filter(hold_reason=reason, not_before__lte=now)
    return oldest(wanted, "not_before")


def _missed() -> QuerySet:
    later = AllocationRun.objects.filter(
        allocation=OuterRef("allocation"), period__gt=OuterRef("period")
    )
    return AllocationRun.objects.filter(
        ~Exists(later), state=AllocationRun.State.MISSED, allocation__active=True
    )


def _failed_now() -> QuerySet:
    """By the few allocations whose charge failed for good, not by all months that ever did."""
    failed = AllocationRun.objects.filter(state=AllocationRun.State.FAILED)
    return failed.filter(allocation__active=True, allocation__failed_at__isnull=False)


def _waiting_runs() -> QuerySet:
    due = AllocationRun.objects.filter(state=AllocationRun.State.DUE)
    runs = due.filter(next_attempt_at__gt=clock.now())
    return runs.filter(allocation__in=planning.running())


def _unanswered() -> datetime | None:
    """An ask that is being paid for ends as its payment does."""
    asked = MinuteAsk.objects.filter(state=MinuteAsk.State.OPEN)
    return oldest(asked.exclude(purchase__state__in=OPEN_STATES), "created_at")


def _stopped() -> datetime | None:
    row = switch.stopped()
    return row.changed_at if row else None


Wait(
    kind="purchase_created",
    since=lambda: oldest(_open_purchases(State.CREATED), "created_at"),
)
Wait(
    kind="purchase_unknown",
    since=lambda: oldest(_open_purchases(State.SUBMITTED), "submitted_at"),
)
Wait(
    kind="purchase_at_bank",
    since=lambda: oldest(_open_purchases(State.REQUIRES_ACTION), "submitted_at"),
    bound=limits.BANK_ENDS_WITHIN,
)
Wait(
    kind="purchase_quarantined",
    since=lambda: oldest(Purchase.objects.exclude(quarantined_at=None), "quarantined_at"),
)
Wait(
    kind="event_given_up",
    since=lambda: oldest(
        StripeEvent.objects.filter(applied_at=None).exclude(given_up_at=None), "given_up_at"
    ),
    of=Of.EVERYBODY,
)
Wait(
    kind="dispute",
    since=lambda: oldest(
        Reversal.objects.filter(kind="dispute", state__in=refunds.OPEN), "created_at"
    ),
)
Wait(kind="resting", since=_resting)
Wait(kind="seller_unset", since=_unnamed)

for _reason in AutoRecharge.Suspended.values:
    Wait(
        kind=f"suspended_{_reason}",
        since=lambda reason=_reason: oldest(
            _automatic().filter(suspended_reason=reason), "suspended_at"
        ),
    )
for _reason in AutoRecharge.Hold.values:
    Wait(
        kind=f"hold_{_reason}",
        since=lambda reason=_reason: _hold_ended(reason),
        bound=limits.HOLD_ENDS_WITHIN,
    )
for _reason in Wallet.Blocked.values:
    Wait(
        kind=f"blocked_{_reason}",
        since=lambda reason=_reason: oldest(
            Wallet.objects.filter(blocked_reason=reason, account__status="active"), "blocked_at"
        ),
    )

Wait(
    kind="month_unplanned",
    since=lambda: not_since_done("month_unplanned", planning.oldest_unplanned()),
    bound=limits.PLANNED_WITHIN,
)
Wait(
    kind="month_retried",
    since=lambda: oldest(_waiting_runs().filter(attempts__gt=0), "created_at"),
)
Wait(
    kind="month_ahead",
    since=lambda: oldest(_waiting_runs().filter(attempts=0), "created_at"),
)
Wait(kind="minute_ask", since=_unanswered, bound=limits.ASK_ENDS_WITHIN)
Wait(kind="month_missed", since=lambda: oldest(_missed(), "closed_at"))
Wait(
    kind="allocation_failed",
    since=lambda: oldest(
        AutoAllocation.objects.filter(active=True).exclude(failed_at=None), "failed_at"
    ),
)
Wait(
    kind="included",
    since=lambda: not_since_done("included", included.oldest_due()),
    bound=limits.INCLUDED_WITHIN,
)
Wait(kind="comparison", since=_compared, bound=limits.COMPARED_WITHIN, of=Of.EVERYBODY)
Wait(
    kind="catching_up",
    since=_caught_up,
    bound=limits.CAUGHT_UP_WITHIN,
    of=Of.EVERYBODY,
)
Wait(kind="charges_stopped", since=_stopped, of=Of.EVERYBODY)
Wait(
    kind="adjustment",
    since=lambda: oldest(
        AdjustmentRequest.objects.filter(state=AdjustmentRequest.State.ASKED), "asked_at"
    ),
)
Wait(kind="cards_tried", since=_tried_too_often)
