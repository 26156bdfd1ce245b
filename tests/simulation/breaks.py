"""What once was wrong, put back: each a function that takes pytest's monkeypatch."""

from collections.abc import Callable, Iterator

import pytest

from accounts import clock
from accounts.runtime import queues
from accounts.runtime.queues import Queue
from accounts.runtime.steps import Steps
from tests.simulation.trouble import LiveWorld
from wallets import inbox
from wallets.allocations import planning, runs
from wallets.books import against_stripe
from wallets.charging import declines
from wallets.models import Purchase, StripeComparison, StripeEvent
from wallets.reversals import disputes, refunds

Patch = pytest.MonkeyPatch


def the_oldest_come_first(patch: Patch) -> None:
    """A sweep takes one batch of the oldest, and takes them again the next minute."""

    def take(queue: Queue, **_: object) -> Iterator:
        due = queue.rows(clock.now()).order_by(queue.since, "pk")
        yield from list(due.values_list(queue.key, flat=True)[: queues.BATCH])
        queue.note_emptied()

    patch.setattr(Queue, "take", take)


def only_today_is_not_passed(patch: Patch) -> None:
    """A month has passed when it is not the one that runs now."""

    def has_passed(run: planning.AllocationRun) -> bool:
        return planning.period_now(run.allocation) != run.period

    for module in (planning, runs):
        patch.setattr(module, "has_passed", has_passed)


def each_host_has_its_own_moment(patch: Patch, world: LiveWorld) -> None:
    """What is due is decided by the host's clock."""
    patch.setattr(clock, "now", lambda: clock._moment.get() + world.host.own)


def a_refusal_without_a_code_explains_itself(patch: Patch) -> None:
    """A payment that is canceled without a reason is tried again at once."""
    patch.setattr(Purchase, "ended_unexplained", False)
    patch.setattr(declines, "UNEXPLAINED", "")


def an_event_counts_when_it_fails(patch: Patch) -> None:
    """Attempts are counted where the exception arrives: a process that is killed raises none."""
    claim, failed = inbox._claim, inbox._failed

    def claim_uncounted(event_pk: int) -> StripeEvent | None:
        if event := claim(event_pk):
            StripeEvent.objects.filter(pk=event_pk).update(attempts=event.attempts - 1)
        return event

    def failed_counted(event: StripeEvent, error: Exception) -> None:
        StripeEvent.objects.filter(pk=event.pk).update(attempts=event.attempts)
        failed(event, error)

    patch.setattr(inbox, "_claim", claim_uncounted)
    patch.setattr(inbox, "_failed", failed_counted)


def no_try_is_counted(patch: Patch) -> None:
    patch.setattr(Queue, "_begin", lambda _, row, *__: row.exists())


def the_comparison_goes_in_one(patch: Patch) -> None:
    """It lists all at once, and begins anew each time."""

    def one_go(_: Steps, row: StripeComparison, __: object) -> None:
        list(against_stripe.compare(since=row.since, until=row.until))
        row.finished_at = clock.now()
        row.save()

    patch.setattr(Steps, "_step", one_go)


def a_refund_is_only_looked_up(patch: Patch) -> None:
    """One that comes before our credit finds nothing to take, and its event is done."""

    def credited(*, intent_id: str | None) -> Purchase | None:
        return Purchase.objects.filter(payment_intent=intent_id, state="succeeded").first()

    for module in (refunds, disputes):
        patch.setattr(module, "credited", credited)


# Each with the first seed, counted from 1, that finds it.
BREAKS: dict[str, tuple[Callable[..., None], int]] = {
    "the oldest come first": (the_oldest_come_first, 2),
    "only today has not passed": (only_today_is_not_passed, 9),
    "each host has its own moment": (each_host_has_its_own_moment, 16),
    "no code, tried again at once": (a_refusal_without_a_code_explains_itself, 6),
    "an event counts when it fails": (an_event_counts_when_it_fails, 11),
    "no try is counted": (no_try_is_counted, 13),
    "the comparison goes in one": (the_comparison_goes_in_one, 10),
    "a refund is only looked up": (a_refund_is_only_looked_up, 7),
}
