"""Counting what somebody had us do, exactly, however many ask at once."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from django.db import connection
from django.db.models import QuerySet

from accounts import clock
from accounts.errors import TooMany

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Brake:
    """At most so many of these rows within this time, or else the sentence for who asked."""

    rows: QuerySet
    most: int
    within: timedelta
    refusal: str


def one_at_a_time(*names: str) -> None:
    """Wait until nobody else counts under these names; they are ours until the transaction ends.

    Sorted, so that two who count the same do not wait for each other.
    """
    with connection.cursor() as cursor:
        for name in sorted(names):
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [name])


def check(brakes: Iterable[Brake]) -> None:
    """Pass, or raise `TooMany` of the first that holds."""
    now = clock.now()
    for brake in brakes:
        # Never counted further than it matters.
        recent = brake.rows.filter(created_at__gt=now - brake.within)[: brake.most]
        if recent.count() >= brake.most:
            counted = brake.rows.model.__name__
            logger.warning("brake holds %s most=%s within=%s", counted, brake.most, brake.within)
            raise TooMany(brake.refusal)
