"""What a batch is made of, the same for every side.

Of a hundred calls one falls below a threshold or pauses a campaign, one is bad (its campaign does
not exist) and two were reported before; the others are everyday, of any wallet.
"""

import random
from collections import deque
from collections.abc import Callable
from datetime import timedelta
from typing import NamedTuple

from django.db import connection

from accounts import clock
from accounts.runtime.ids import time_ordered_uuid
from benchmarks.sides.world import CROSSING, CROSSING_SECONDS, WALLETS

CROSSES, BAD, REPEATED = 99, 50, (25, 75)
# By then it was committed with an earlier batch, whatever their size.
REPEATED_AFTER = 2_000


class Share(NamedTuple):
    """How many of a batch's calls become rows."""

    everyday: int
    crossing: int


class Side:
    """A way of recording calls. Batches are made up before their time is taken."""

    def __init__(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT account_id::text FROM bench_wallet ORDER BY number")
            self.accounts = [account for (account,) in cursor.fetchall()]
        # The wallets that everyday calls are of, by number.
        self.among = range(1, WALLETS + 1)
        self._counted = 0
        self._crossed = 0
        self._charged: deque[dict] = deque(maxlen=REPEATED_AFTER)

    def batch(self, size: int) -> Callable[[], None]:
        """What does one batch, to be timed."""
        raise NotImplementedError

    def hot(self) -> Callable[[], None]:
        """What does one call of the one wallet that everybody uses."""
        raise NotImplementedError

    def close(self) -> None:
        """Ends what it has started."""

    def facts(self, size: int) -> list[dict]:
        """So many calls as they are reported."""
        batch = time_ordered_uuid()
        return [self._call(f"{batch}-{i}") for i in range(size)]

    def share(self, size: int) -> Share:
        """So many calls by their kinds, for a side that makes up its own."""
        places = [self._next_place() for _ in range(size)]
        crossing = places.count(CROSSES)
        others = places.count(BAD) + sum(places.count(place) for place in REPEATED)
        return Share(size - crossing - others, crossing)

    def crossing_from(self, count: int) -> int:
        """The first of so many numbers of wallets that are about to cross."""
        first = WALLETS + self._crossed + 1
        self._crossed += count
        if self._crossed > CROSSING:
            raise RuntimeError("All wallets have crossed: make CROSSING larger.")
        return first

    def report(self, name: str, number: int, seconds: int) -> dict:
        return {
            "id": name,
            "account": self.accounts[number - 1],
            "campaign": "bench",
            "seconds": seconds,
            "ended_at": clock.now() - timedelta(seconds=5),
        }

    def hot_report(self) -> dict:
        return self.report(str(time_ordered_uuid()), 1, random.randint(10, 309))

    def _next_place(self) -> int:
        self._counted += 1
        return self._counted % 100

    def _call(self, name: str) -> dict:
        place = self._next_place()
        if place == CROSSES:
            return self.report(name, self.crossing_from(1), CROSSING_SECONDS)
        if place in REPEATED and len(self._charged) == REPEATED_AFTER:
            return self._charged[0]
        one = self.report(name, random.choice(self.among), random.randint(10, 309))
        if place == BAD:
            return one | {"campaign": "no-such-campaign"}
        self._charged.append(one)
        return one


def insist(fine: bool) -> None:
    if not fine:
        raise RuntimeError("A batch was not charged as it should be: the figures mean nothing.")
