"""What waits in no queue: for a moment, for somebody, or for a job of the clock.

Each kind says since when its oldest has waited, for monitoring. One that is moved by us has a
bound, which the books hold; what waits for a person or a bank has none. docs/waiting.md has a row
for each kind, and every way out.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Min, QuerySet

from accounts import clock
from accounts.cells import place
from accounts.cells.place import Of
from accounts.models import QueueEmptied
from accounts.runtime import queues
from accounts.runtime.queues import Queue


@dataclass(frozen=True, kw_only=True)
class Wait:
    """Something that waits. `since` is when the oldest began to; None when nothing waits."""

    # Names it in figures, in the books and for support.
    kind: str
    since: Callable[[], datetime | None]
    # The books say so when the oldest has waited for longer.
    bound: timedelta | None = None
    # Whose it is, where there are cells.
    of: Of = Of.ACCOUNTS

    def __post_init__(self) -> None:
        registered[self.kind] = self

    def oldest_overdue(self) -> timedelta:
        """For how long the oldest has waited; zero when none does."""
        since = self.since()
        return max(clock.now() - since, timedelta(0)) if since else timedelta(0)


# By their kind.
registered: dict[str, Wait] = {}


def every() -> dict[str, Queue | Wait]:
    """All that may wait anywhere, by its kind."""
    return {**queues.registered, **registered}


def here() -> list[Queue | Wait]:
    """What may wait where this is asked: all of it without cells."""
    return [one for one in every().values() if place.concerns(one.of)]


def oldest(rows: QuerySet, column: str) -> datetime | None:
    """The first of these moments."""
    return rows.order_by().aggregate(oldest=Min(column))["oldest"]


def not_since_done(kind: str, since: datetime | None) -> datetime | None:
    """`since`, but not before the job of this kind last found nothing more to do.

    What began to wait without a date of its own waits for no longer than that.
    """
    emptied = QueueEmptied.objects.filter(pk=kind, at__lte=clock.now()).first()
    return max(since, emptied.at) if since and emptied else since


def note_done(kind: str) -> None:
    """A job found nothing more to do."""
    QueueEmptied.objects.bulk_create(
        [QueueEmptied(kind=kind, at=clock.now())],
        update_conflicts=True,
        update_fields=["at"],
        unique_fields=["kind"],
    )
