"""The comparison with Stripe in steps: each commits where it is, and another process may go on.

Each night it takes in what happened since the last complete one, and a little before; all since
the first account only when somebody asks. What differs is frozen and told with the step that
finds it.
"""

import time
from datetime import datetime, timedelta

from django.db import transaction

from accounts import clock
from accounts.telling.notifications import alert_staff
from wallets import limits
from wallets.books import against_stripe, checking
from wallets.books.register import Broken
from wallets.models import StripeComparison


@transaction.atomic
def begin(*, full: bool = False) -> StripeComparison:
    """The comparison that is under way, or a new one up to now. Two at once get the same."""
    under_way = StripeComparison.objects.filter(is_full=full, finished_at=None).first()
    if under_way:
        return under_way
    now, since = clock.now(), _since(full)
    row, _ = StripeComparison.objects.get_or_create(
        is_full=full,
        finished_at=None,
        defaults={
            "since": since,
            "at": since,
            "until": now,
            "slice_seconds": int(limits.COMPARE_SLICE.total_seconds()),
            "started_at": now,
            "touched_at": now,
        },
    )
    return row


def _since(full: bool) -> datetime:
    last = StripeComparison.objects.exclude(finished_at=None).order_by("-until").first()
    beginning = against_stripe.beginning()
    if full or last is None:
        return beginning
    return max(beginning, last.until - limits.COMPARE_OVERLAP)


def go_on(*, comparison_id: int, within: timedelta = limits.COMPARE_BUDGET) -> StripeComparison:
    """Step after step until it is complete, or `within` is used up. Repeatable, at any moment.

    Call with no transaction open. Raises GatewayError when Stripe does not answer; then the next
    one goes on from there.
    """
    ends = time.monotonic() + within.total_seconds()
    row = StripeComparison.objects.get(pk=comparison_id)
    while row.finished_at is None and time.monotonic() < ends:
        _step(row)
        row.refresh_from_db()
    return row


def _step(row: StripeComparison) -> None:
    """One slice of time. A slice that kills its process is half as long the next time."""
    span = timedelta(seconds=row.slice_seconds)
    least = int(limits.COMPARE_SLICE_LEAST.total_seconds())
    waiting = StripeComparison.objects.filter(pk=row.pk, at=row.at, finished_at=None)
    waiting.update(slice_seconds=max(least, row.slice_seconds // 2), touched_at=clock.now())
    upto = min(row.at + span, row.until)
    # The last step takes in what happened meanwhile, unless that is too much for one.
    is_open = upto == row.until and clock.now() - upto < limits.COMPARE_SLICE
    found = [
        Broken("I13", wallet_id, text, freezes=True)
        for wallet_id, text in against_stripe.compare(since=row.at, until=None if is_open else upto)
    ]
    with transaction.atomic():
        # Whoever was first has said it already.
        done = waiting.update(
            at=upto,
            slice_seconds=min(row.slice_seconds * 2, int(limits.COMPARE_SLICE.total_seconds())),
            found=row.found + len(found),
            touched_at=clock.now(),
            finished_at=clock.now() if upto >= row.until else None,
        )
        if done and found:
            checking.freeze_and_tell(found, about=f"{row.at:%Y-%m-%dT%H:%M}")


def left_ids() -> list[int]:
    """Comparisons that nobody is at: another process goes on. Tells support of one that is late.

    For the sweep.
    """
    now = clock.now()
    left = StripeComparison.objects.filter(finished_at=None, is_full=False)
    for late in left.filter(started_at__lt=now - limits.COMPARE_WITHIN):
        alert_staff(
            kind="comparison_late",
            text=(
                f"The comparison with Stripe that began {late.started_at:%-d %b, %H:%M} UTC has "
                f"come to {late.at:%-d %b, %H:%M} of {late.until:%-d %b, %H:%M} only."
            ),
            dedupe_key=f"comparison-late:{late.pk}:{now:%Y-%m-%d}",
        )
    idle = left.filter(touched_at__lt=now - limits.COMPARE_IDLE).order_by("started_at")
    return list(idle.values_list("pk", flat=True))
