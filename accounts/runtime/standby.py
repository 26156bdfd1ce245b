"""Reads that may be some seconds old, from a standby where there is one.

Nothing that decides about money, shows a balance or answers what somebody has just done.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Generic, TypeVar

from django.db import DEFAULT_DB_ALIAS, Error, connections
from django.dispatch import Signal

from accounts.runtime.pauses import Pause

logger = logging.getLogger(__name__)

# The name of its connection in the settings; there is none without DATABASE_STANDBY_URL.
STANDBY = "standby"
# Older than this nothing is shown.
OLDEST = timedelta(seconds=10)
# For so many seconds a process leaves a standby alone that is away or late.
PAUSE_SECONDS = 15.0

# Everything that was committed until now is before this place of the log, and at this moment.
NOW = "SELECT pg_current_wal_flush_lsn()::text, clock_timestamp()"
# The moment is the primary's, so that clocks of two machines are never compared. A server that
# replays nothing is no standby: a primary that was left behind may answer for long.
AGE = """
SELECT CASE WHEN NOT pg_is_in_recovery() THEN NULL
            WHEN pg_last_wal_replay_lsn() >= %(place)s::pg_lsn THEN interval '0'
            ELSE %(moment)s::timestamptz - pg_last_xact_replay_timestamp() END
"""

# Who answered (`by`: standby or primary), and why not the standby (`why`): it was away or late, is
# left alone since (paused), or the answer had to be fresh.
answered = Signal()

T = TypeVar("T")


@dataclass(frozen=True)
class Read(Generic[T]):
    """What was found, and by how much it may be out of date: nothing when the primary said it."""

    found: T
    age: timedelta = timedelta(0)


class _Late(Exception):
    pass


_pause = Pause(PAUSE_SECONDS)


def read(ask: Callable[[str], T], *, fresh: bool = False) -> Read[T]:
    """What `ask` finds in the database whose alias it is given. It only reads, all at once, and may
    be called twice.

    The standby answers unless there is none, it is more than `OLDEST` behind or fails, or the
    answer has to be `fresh`. Then the primary does, whose errors are raised.
    """
    if STANDBY not in connections.settings:
        return Read(ask(DEFAULT_DB_ALIAS))
    if fresh:
        return _by_primary(ask, why="fresh")
    if not _pause.lets_through():
        return _by_primary(ask, why="paused")
    now = _now()
    try:
        age = _age(now)
        read = Read(ask(STANDBY), age)
    # Whatever it is, the primary knows whether the question is wrong.
    except (Error, _Late) as error:
        _pause.hold()
        connections[STANDBY].close()
        why = "late" if isinstance(error, _Late) else "away"
        logger.warning("standby not read why=%s error=%s", why, type(error).__name__)
        return _by_primary(ask, why=why)
    _pause.release()
    answered.send(sender=None, by="standby", why="")
    return read


def _by_primary(ask: Callable[[str], T], *, why: str) -> Read[T]:
    answered.send(sender=None, by="primary", why=why)
    return Read(ask(DEFAULT_DB_ALIAS))


def _now() -> tuple:
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute(NOW)
        return cursor.fetchone()


def _age(now: tuple) -> timedelta:
    place, moment = now
    with connections[STANDBY].cursor() as cursor:
        cursor.execute(AGE, {"place": place, "moment": moment})
        [age] = cursor.fetchone()
    # Unknown where nothing was replayed since it began.
    if age is None or age > OLDEST:
        raise _Late
    return max(age, timedelta(0))
