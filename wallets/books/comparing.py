"""The comparison with Stripe in steps: each commits where it is, and another process may go on.

Each night it takes in what happened since the last complete one, and a little before; all since
the first account only when somebody asks. What differs is frozen and told by the step that finds
it.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from django.db.models import F

from accounts import clock
from accounts.cells import directory
from accounts.runtime.steps import Steps
from accounts.telling.notifications import alert_staff
from wallets import limits
from wallets.books import against_stripe, checking
from wallets.books.register import Broken
from wallets.models import StripeComparison

STEPS = Steps(longest=limits.COMPARE_SLICE, shortest=limits.COMPARE_SLICE_LEAST)


def begin(*, full: bool = False) -> StripeComparison:
    """The comparison that is under way, or a new one up to now. Two at once get the same."""
    under_way = StripeComparison.objects.filter(is_full=full, finished_at=None).first()
    if under_way:
        return under_way
    now, since = clock.now(), _since(full)
    row, _ = StripeComparison.objects.get_or_create(
        is_full=full,
        finished_at=None,
        defaults=STEPS.from_here(since=since, now=now) | {"started_at": now},
    )
    return row


def _since(full: bool) -> datetime:
    last = StripeComparison.objects.exclude(finished_at=None).order_by("-until").first()
    beginning = min(directory.in_every(lambda _: against_stripe.beginning()))
    if full or last is None:
        return beginning
    return max(beginning, last.until - limits.COMPARE_OVERLAP)


def go_on(*, comparison_id: int, within: timedelta = limits.COMPARE_BUDGET) -> StripeComparison:
    """Step after step until it is complete, or `within` is used up. Repeatable, at any moment.

    Call with no transaction open. Raises GatewayError when Stripe does not answer; then the next
    one goes on from there.
    """
    row = StripeComparison.objects.get(pk=comparison_id)
    return STEPS.go_on(row, within=within, look=_compare)


def _compare(
    *, since: datetime, until: datetime | None
) -> tuple[dict[str, object], Callable[[], object]]:
    """Stripe is asked once for all cells. What differs is frozen and told in the cell that has it,
    before the step is done: twice is the same as once."""
    there = against_stripe.read(since=since, until=until)

    def of_a_cell(_: str) -> int:
        found = [
            Broken("I13", wallet_id, text, freezes=True)
            for wallet_id, text in against_stripe.compare(since=since, until=until, there=there)
        ]
        if found:
            checking.freeze_and_tell(found, about=f"{since:%Y-%m-%dT%H:%M}")
        return len(found)

    return {"found": F("found") + sum(directory.in_every(of_a_cell))}, lambda: None


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
