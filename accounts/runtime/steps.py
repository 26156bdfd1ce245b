"""Walking through a stretch of time in steps: each commits where it is, and another process may go
on from there when one is killed."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

from django.db import transaction

from accounts import clock
from accounts.models import InSteps

Row = TypeVar("Row", bound=InSteps)


class Look(Protocol):
    """Looks at the time from `since` until `until`, or all that has come since then.

    Answers what the row keeps of it, by its columns, and what is to be done with the step: in its
    transaction, by the one process that was first.
    """

    def __call__(
        self, *, since: datetime, until: datetime | None
    ) -> tuple[dict[str, object], Callable[[], object]]: ...


@dataclass(frozen=True, kw_only=True)
class Steps:
    """How much time a step takes in: halved before each, doubled after it was done."""

    longest: timedelta
    shortest: timedelta

    def from_here(self, *, since: datetime, now: datetime) -> dict[str, object]:
        """The columns of a row that has everything up to now before it."""
        return {
            "since": since,
            "at": since,
            "until": now,
            "slice_seconds": int(self.longest.total_seconds()),
            "touched_at": now,
        }

    def go_on(self, row: Row, *, within: timedelta, look: Look) -> Row:
        """Step after step until it is complete, or `within` is used up. Repeatable, at any moment.

        Call with no transaction open. Raises what `look` raises; then the next one goes on there.
        """
        ends = time.monotonic() + within.total_seconds()
        while row.finished_at is None and time.monotonic() < ends:
            self._step(row, look)
            row.refresh_from_db()
        return row

    def _step(self, row: InSteps, look: Look) -> None:
        """A slice that kills its process is half as long the next time."""
        longest, shortest = (int(one.total_seconds()) for one in (self.longest, self.shortest))
        # Its end may be moved on while this looks: then it is not complete.
        same = {"pk": row.pk, "at": row.at, "until": row.until, "finished_at": None}
        waiting = type(row)._base_manager.filter(**same)
        waiting.update(slice_seconds=max(shortest, row.slice_seconds // 2), touched_at=clock.now())
        upto = min(row.at + timedelta(seconds=row.slice_seconds), row.until)
        # The last step takes in what happened meanwhile, unless that is too much for one.
        is_open = upto == row.until and clock.now() - upto < self.longest
        kept, then = look(since=row.at, until=None if is_open else upto)
        with transaction.atomic():
            # Whoever was first has done it already.
            if waiting.update(
                at=upto,
                slice_seconds=min(row.slice_seconds * 2, longest),
                touched_at=clock.now(),
                finished_at=clock.now() if upto >= row.until else None,
                **kept,
            ):
                then()
