"""Fair lists of rows that wait: a sweep hands each out in turn, however many stand in front.

A row keeps when it is looked at next. Handing it out moves that back, by waits that grow with its
age, so no row can stand in the way of others. What cannot be served is left out by the list's own
query, and is found again by the same query once that has changed.
"""

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import DateTimeField, F, Min, Model, Q, QuerySet
from django.db.models.expressions import RawSQL

from accounts import clock
from accounts.cells.place import Of
from accounts.models import QueueEmptied

logger = logging.getLogger(__name__)

# One claim is one short transaction; a sweep makes as many as it needs.
BATCH = 200
# What one list may take of a tick: seven of them stay within a task's soft limit of 60 s.
SWEEP_SECONDS = 5.0

FIRST_WAIT = timedelta(minutes=1)  # The tick's own pace.
LONGEST_WAIT = timedelta(minutes=5)  # What an outage's end may still cost somebody who waits.

# By then the row's next turn has come, with a message of its own: however far workers are behind,
# a broker holds about one message a row.
MESSAGE_SECONDS = LONGEST_WAIT.total_seconds()

# Beat ticks each minute; a tick or two may be late or lost.
OVERDUE_BOUND = timedelta(minutes=5)

# A worker may die by chance, at a deployment or for memory: ten in a row are the row's own doing.
TRIES = 10
# Then it is left alone: a process a day is what it may still cost until somebody has mended it.
REST = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Queue:
    """A list of rows that wait. `rows` finds those that can be served at all at a moment."""

    # Names it in figures, in the books and for support.
    kind: str
    rows: Callable[[datetime], QuerySet]
    # What a worker is told of a row, and since when the row has waited.
    key: str = "pk"
    since: str = "created_at"
    column: str = "look_at"
    first_wait: timedelta = FIRST_WAIT
    longest_wait: timedelta = LONGEST_WAIT
    # The books say so when the oldest is overdue for longer.
    bound: timedelta = OVERDUE_BOUND
    # Where tries are counted, and until when the row rests after too many.
    tries: str = "tries"
    rests_until: str = "rests_until"
    # Whose it is, where there are cells.
    of: Of = Of.ACCOUNTS

    def __post_init__(self) -> None:
        registered[self.kind] = self

    def due(self, now: datetime) -> QuerySet:
        """The rows to be looked at now."""
        return self.rows(now).filter(**{f"{self.column}__lte": now})

    def take(self, *, seconds: float = SWEEP_SECONDS) -> Iterator:
        """Hand out the keys of everything that is due, the longest overdue first.

        Goes on until nothing is due or the time is used up. Each is handed out to one caller,
        and again after its wait: being served twice, or never, must do no harm.
        """
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            keys = self.claim()
            if not keys:
                self.note_emptied()
                return
            yield from keys

    @transaction.atomic
    def claim(self) -> list:
        """The keys of one batch that nobody else is claiming, each moved back by its wait."""
        now = clock.now()
        due = self.due(now).order_by(self.column, "pk")
        due = due.select_for_update(skip_locked=True, of=("self",), no_key=True)
        found = list(due.values_list("pk", self.key)[:BATCH])
        if not found:
            return []
        rows = due.model._base_manager.filter(pk__in=[pk for pk, _ in found])
        rows.update(**{self.column: self._later(now)})
        return [key for _, key in found]

    def _later(self, now: datetime) -> RawSQL:
        """Half its age more, and never less or more than the waits: 1, 1.5, 2.25 minutes ...

        In seconds: no UPDATE of a distributed table (Citus) adds an interval of a column to a
        moment, since time zones have a say in that.
        """
        waits = [one.total_seconds() for one in (self.first_wait, self.longest_wait)]
        return RawSQL(  # nosec B611 # a column of ours, and parameters
            "to_timestamp(%s + GREATEST(%s, LEAST(%s, "
            f"EXTRACT(epoch FROM %s::timestamptz - {self.since}) / 2)))",
            [now.timestamp(), *waits, now],
            output_field=DateTimeField(),
        )

    def note_emptied(self) -> None:
        """Everything that was due has been handed out: whatever is due now, is so since then."""
        QueueEmptied.objects.update_or_create(kind=self.kind, defaults={"at": clock.now()})

    def oldest_overdue(self) -> timedelta:
        """For how long the longest overdue should have been looked at; zero when none is.

        A row that only now can be served (a lifted suspension) is not as old as its turn.
        """
        now = clock.now()
        oldest = self.due(now).order_by().aggregate(oldest=Min(self.column))["oldest"]
        if oldest is None:
            return timedelta(0)
        emptied = QueueEmptied.objects.filter(pk=self.kind, at__lte=now).first()
        return now - (max(oldest, emptied.at) if emptied else oldest)

    def attempt(
        self, key: object, work: Callable[[], object], *, tell: Callable[[str], None]
    ) -> None:
        """Do a piece of work in a worker, its try counted before it begins.

        A try that ends, well or badly, is forgotten; one that kills its process is not. After
        `TRIES` of these in a row the work is left alone for a day, and `tell` hears a sentence.
        """
        row = self.rows(clock.now()).model._base_manager.filter(**{self.key: key})
        if not self._begin(row, key, tell):
            return
        try:
            work()
        except Exception:
            self._forget(row)
            raise
        self._forget(row)

    def _begin(self, row: QuerySet, key: object, tell: Callable[[str], None]) -> bool:
        now = clock.now()
        rested = row.filter(awake(now, self.rests_until))
        fewer = rested.filter(**{f"{self.tries}__lt": TRIES})
        if fewer.update(**{self.tries: F(self.tries) + 1}):
            return True
        with transaction.atomic():
            # One more try is left for tomorrow.
            if rested.update(**{self.tries: TRIES - 1, self.rests_until: now + REST}):
                tell(f"{self.kind} {key} killed {TRIES} workers, one after the other.")
        return False

    def _forget(self, row: QuerySet[Model]) -> None:
        nothing = {self.tries: 0, self.rests_until: None}
        row.exclude(**nothing).update(**nothing)


# By their kind: what monitoring and the books ask for the oldest overdue.
registered: dict[str, Queue] = {}


def awake(now: datetime, rests_until: str = "rests_until") -> Q:
    """Leaves out what rests because it killed too many processes."""
    return Q(**{rests_until: None}) | Q(**{f"{rests_until}__lte": now})
