"""The minutes of workers and beat: each list that has something due hands it out; it is done."""

from datetime import datetime, timedelta

from django.db.models import QuerySet

from accounts import clock
from accounts.runtime import queues
from campaigns import pausing
from tests import oracle
from tests.simulation.timed import Prepared, at_any_moment
from tests.simulation.trouble import LiveWorld
from wallets import limits, sweeps
from wallets.allocations import planning
from wallets.models import StripeComparison

MINUTE = timedelta(minutes=1)
# No zone's day begins between two of these.
QUARTER = timedelta(minutes=15)

# The finder of each list; campaigns have a sweep of their own.
FINDER = {
    "event": "events",
    "purchase": "purchases",
    "refund": "refunds",
    "recharge": "recharges",
    "another_card": "other cards",
    "month_untried": "untried months",
    "low_balance": "low balances",
    "low_minutes": "low minutes",
    "allocation": "allocations",
    "comparison": "comparisons",
}

# What counts its tries.
MORTAL = {
    "wallets.recharge_wallet": queues.LONGEST_WAIT,
    "wallets.payment_method_changed": timedelta(hours=1),
    "wallets.revive_month": timedelta(hours=1),
    "wallets.drive_purchase": queues.LONGEST_WAIT,
    "wallets.run_allocation": queues.LONGEST_WAIT,
    "wallets.drive_refund": timedelta(hours=1),
    "wallets.apply_event": timedelta(0),
}

# What a sweep finds out of each list when nothing is in it: that it is empty, which it notes.
LOOK = """
WITH found (kind, due) AS ({lists}), noted AS (
    INSERT INTO accounts_queueemptied (kind, at)
    SELECT kind, %(now)s::timestamptz FROM found WHERE NOT due
    ON CONFLICT (kind) DO UPDATE SET at = %(now)s)
SELECT kind FROM found WHERE due
"""


def _idle_comparisons(now: datetime) -> QuerySet:
    left = StripeComparison.objects.filter(finished_at=None, is_full=False)
    return left.filter(touched_at__lt=now - limits.COMPARE_IDLE)


class Ticks:
    """Beat and workers of a world. `is_whole`: every sweep looks, also where nothing is due."""

    def __init__(self, world: LiveWorld, hostile: set[tuple[str, str]]) -> None:
        self._world, self._hostile = world, hostile
        asked = {
            queue.kind: at_any_moment(lambda now, queue=queue: queue.due(now).values_list("pk"))
            for queue in queues.registered.values()
            if not queue.kind.endswith("_mail")
        }
        asked["comparison"] = at_any_moment(lambda now: _idle_comparisons(now).values_list("pk"))
        lists = " UNION ALL ".join(
            f"SELECT '{kind}', EXISTS ({due})" for kind, due in asked.items()
        )
        self._look = Prepared(LOOK.format(lists=lists))
        self.begin(is_whole=False, of=1)

    def begin(self, *, is_whole: bool, of: int) -> None:
        """Before each seed; `of` hostile rows stand in front: in three looks
        at them one is worked on, and the other messages are lost."""
        self.is_whole, self._planned, self._lost = is_whole, -1, 3 * of

    def play(self, span: timedelta) -> None:
        """Each minute, once: no message is lost, none is repeated."""
        end = clock.now() + span
        while clock.now() < end:
            self.one()
            self._world.move(MINUTE)

    def one(self) -> None:
        self._work(self.find_work())
        nudged, self._world.queue[:] = list(self._world.queue), []
        self._work(nudged)

    def find_work(self) -> list[tuple[str, tuple]]:
        """What the sweeps of this minute find; campaigns are paused."""
        if self.is_whole:
            pausing.sweep()
            return sweeps.find_work()
        self._plan()
        return self._found(self._look.names(clock.now()))

    def _plan(self) -> None:
        """Months begin at midnights; the sweep's finder plans them, too."""
        quarter = int(clock.now().timestamp()) // int(QUARTER.total_seconds())
        if quarter != self._planned:
            self._planned = quarter
            planning.plan_due(now=clock.now())

    def _found(self, due: set[str]) -> list[tuple[str, tuple]]:
        if due & {"unpayable_campaign", "campaign_of_closed_account"}:
            pausing.sweep()
        finders = [sweeps.FINDERS[FINDER[kind]] for kind in FINDER if kind in due]
        return [piece for find in finders for piece in find()]

    def _work(self, pieces: list[tuple[str, tuple]]) -> None:
        world = self._world
        for name, args in pieces:
            if name.startswith("accounts.mail"):
                continue
            if (name, str(args[0])) in self._hostile and world.rng.randrange(self._lost):
                continue
            self._choose_death(name, args)
            with world.task(name, args):
                oracle.do(name, args)
                world.publish()

    def _choose_death(self, name: str, args: tuple) -> None:
        death = self._world.death
        if death and not death.name and name in MORTAL and self._world.chance(0.5):
            death.name, death.args = name, args
