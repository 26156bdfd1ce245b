"""The one clock: PostgreSQL's, as every host reads it. Everything asks `clock.now()`, so that demo
data, simulations and tests can run at a moment of their own.

What is due, has passed or waits is decided between hosts, and hosts disagree: by milliseconds when
all is well, by days when one's clock was set by hand. So a host only counts how much time went by
since it last asked PostgreSQL for the moment (docs/decisions/0012).
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import psycopg
from django.db import connection
from django.utils import timezone
from psycopg.pq import TransactionStatus

# Counting drifts by half a millisecond a second at the very most: a minute is 30 ms.
ASKED_EVERY_SECONDS = 60.0
# An answer that took longer says the moment less well than one we have, while that is no older
# than ten minutes: 300 ms of drift at the very most.
TRUSTED_WITHIN_SECONDS = 0.05
KEPT_AT_MOST_SECONDS = 600.0

ASK = "SELECT clock_timestamp()"
# Where a statement may be sent without failing, or hiding that another one has failed.
_CALM = (TransactionStatus.IDLE, TransactionStatus.INTRANS)
# Counts on while the machine sleeps, where the system can.
_STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)

_moment: ContextVar[datetime | None] = ContextVar("moment", default=None)


@dataclass(frozen=True)
class Reading:
    """What PostgreSQL's clock said, at which second of this machine's count."""

    moment: datetime
    counted: float


class Measured:
    """PostgreSQL's clock as this process follows it; until it could ask, its host's."""

    def __init__(self, *, host: Callable[[], datetime], count: Callable[[], float]) -> None:
        self._host, self._count = host, count
        self._reading: Reading | None = None
        self._asked = float("-inf")

    def now(self) -> datetime:
        if self._count() - self._asked > ASKED_EVERY_SECONDS:
            self._ask()
        if (reading := self._reading) is None:
            return self._host()
        return reading.moment + timedelta(seconds=self._count() - reading.counted)

    def _ask(self) -> None:
        """Read PostgreSQL's clock on this thread's connection, if it has one that may be asked.

        Past Django's cursors: it is no query of the page, and opens no connection.
        """
        raw = connection.connection
        if raw is None or raw.closed or raw.info.transaction_status not in _CALM:
            return
        began = self._asked = self._count()
        try:
            said = raw.execute(ASK, prepare=False).fetchone()[0]
        except psycopg.Error:
            # The statement that follows says so to somebody who can deal with it.
            return
        took = self._count() - began
        old = self._reading
        if old and took > TRUSTED_WITHIN_SECONDS and began - old.counted < KEPT_AT_MOST_SECONDS:
            return
        self._reading = Reading(said.astimezone(UTC), began + took / 2)


_measured = Measured(host=timezone.now, count=lambda: time.clock_gettime(_STEADY))


def now() -> datetime:
    """The moment it is, aware and in UTC: PostgreSQL's, to within milliseconds."""
    return _moment.get() or _measured.now()


@contextmanager
def at(moment: datetime) -> Iterator[None]:
    """Let `now()` answer `moment` (aware) inside the block; blocks may be nested."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment!r} has no time zone: use an aware datetime, as in tzinfo=UTC.")
    token = _moment.set(moment.astimezone(UTC))
    try:
        yield
    finally:
        _moment.reset(token)
