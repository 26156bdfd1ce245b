"""The comparison with Stripe in steps: each commits where it is, and another process may go on.

Each night it takes in what happened since the last complete one, and a little before; all since
the first account only when somebody asks. What differs is frozen and told by the step that finds
it. A cell that is away is left out, and compared by itself as soon as it can be asked.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from django.db.models import F
from django.db.models.functions import Greatest, Least

from accounts import clock
from accounts.cells import directory
from accounts.cells.directory import NoCell
from accounts.runtime import reachable
from accounts.runtime.steps import Steps
from accounts.telling.notifications import alert_staff
from wallets import limits
from wallets.books import against_stripe, checking
from wallets.books.register import Broken
from wallets.models import StripeComparison

STEPS = Steps(longest=limits.COMPARE_SLICE, shortest=limits.COMPARE_SLICE_LEAST)


def begin(*, full: bool = False) -> StripeComparison:
    """The comparison that is under way, or a new one up to now. Two at once get the same."""
    under_way = StripeComparison.objects.filter(is_full=full, cell="", finished_at=None).first()
    if under_way:
        return under_way
    now, since = clock.now(), _since(full)
    row, _ = StripeComparison.objects.get_or_create(
        is_full=full,
        cell="",
        finished_at=None,
        defaults=STEPS.from_here(since=since, now=now) | {"started_at": now},
    )
    return row


def _since(full: bool) -> datetime:
    """Raises NoCell where nobody knows when the first account was opened."""
    done = StripeComparison.objects.filter(cell="").exclude(finished_at=None)
    last = None if full else done.order_by("-until").first()
    beginnings, away = reachable.ask_each(
        directory.with_accounts(), lambda _: against_stripe.beginning()
    )
    if last is None and away:
        raise NoCell(f"when the first account of {', '.join(away)} was opened is not known")
    if last is None:
        return min(beginnings.values())
    lately = last.until - limits.COMPARE_OVERLAP
    return lately if away else max(lately, min(beginnings.values()))


def go_on(*, comparison_id: int, within: timedelta = limits.COMPARE_BUDGET) -> StripeComparison:
    """Step after step until it is complete, or `within` is used up. Repeatable, at any moment.

    Call with no transaction open. Raises GatewayError when Stripe does not answer, and what
    PostgreSQL says where the one cell that this is of is still away; then the next one goes on
    from there.
    """
    row = StripeComparison.objects.get(pk=comparison_id)
    return STEPS.go_on(row, within=within, look=partial(_compare, row))


def _compare(
    row: StripeComparison, *, since: datetime, until: datetime | None
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

    told = reachable.in_each([row.cell] if row.cell else directory.with_accounts(), of_a_cell)
    away = [one.cell for one in told if one.is_away]
    for one in told:
        if one.error and (row.cell or not one.is_away):
            raise one.error
    found = sum(one.answer for one in told if not one.error)
    return {"found": F("found") + found}, partial(_leave, away, since, until or row.until)


def _leave(cells: list[str], since: datetime, until: datetime) -> None:
    """These are compared by themselves from then on. For the sweep, which finds them soon."""
    for cell in cells:
        left = StripeComparison.objects.filter(cell=cell, finished_at=None)
        more = {"since": Least("since", since), "at": Least("at", since)}
        if not left.update(until=Greatest("until", until), **more):
            steps = STEPS.from_here(since=since, now=clock.now()) | {"until": until}
            StripeComparison.objects.create(cell=cell, **steps)


def left_out() -> list[str]:
    """The cells that were away and have not been compared since."""
    left = StripeComparison.objects.filter(finished_at=None).exclude(cell="")
    return list(left.order_by("cell").values_list("cell", flat=True))


def left_ids() -> list[int]:
    """Comparisons that nobody is at: another process goes on. Tells support of one that is late.

    For the sweep.
    """
    now = clock.now()
    left = StripeComparison.objects.filter(finished_at=None, is_full=False)
    for late in left.filter(started_at__lt=now - limits.COMPARE_WITHIN):
        of = f" of cell {late.cell}" if late.cell else ""
        alert_staff(
            kind="comparison_late",
            text=(
                f"The comparison with Stripe{of} that began {late.started_at:%-d %b, %H:%M} UTC "
                f"has come to {late.at:%-d %b, %H:%M} of {late.until:%-d %b, %H:%M} only."
            ),
            dedupe_key=f"comparison-late:{late.pk}:{now:%Y-%m-%d}",
        )
    idle = left.filter(touched_at__lt=now - limits.COMPARE_IDLE).order_by("started_at")
    return list(idle.values_list("pk", flat=True))
