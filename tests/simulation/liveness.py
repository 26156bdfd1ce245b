"""Liveness: the faults stop, and within its bound everything due has happened; nothing loops.

Each seed plays the actors of the simulation among hostile rows, which stand in front of some list,
more of them than one batch. In between, zones, settings and cards move, Stripe answers anything,
hosts' clocks differ by up to two days, and processes die. Then the trouble ends.
"""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from accounts import clock
from accounts.runtime import crash_points, queues
from tests import oracle
from tests.simulation.actions import ACTIONS
from tests.simulation.crowd import Crowd, crowds
from tests.simulation.promises import (
    LATER,
    WITHIN,
    assert_compared,
    assert_given_up,
    assert_in_time,
    assert_no_loop,
    assert_nothing_lost,
    late,
)
from tests.simulation.run import SeedFailed, act, do
from tests.simulation.ticking import MORTAL, Ticks
from tests.simulation.trouble import HOSTS, Death, LiveWorld, troubled
from tests.simulation.turns import TURNS, deliver_some, take_back_early, tell_taken_back
from tests.simulation.world import rolled_back, simulated
from thinkrr_billing.sandbox.stripe.process import SandboxError
from wallets.models import ChargeSwitch, StripeEvent

FEWEST_ACTIONS, MOST_ACTIONS = 8, 25
TICKS_LATER = timedelta(minutes=6)

# A list's batch, and how many stand in front of each: the proportions of 200 and thousands.
BATCH = 3
IN_FRONT = 2 * BATCH + 1
# One seed in so many has the real batches, thousands in front, and whole ticks.
REAL_EVERY = 500
REAL_BATCH = queues.BATCH
REALLY_IN_FRONT = 10 * REAL_BATCH + 1

# Where a worker dies each time: mostly at the first step it comes to.
FOR_EVER = 1000
NOT_AT_WORK = {"before_ack", "after_commit_before_publish"}
PLACES = ["before_request", "after_request", *sorted(crash_points.POINTS - NOT_AT_WORK)]


class Play:
    """A living world and what is prepared for all its seeds."""

    def __init__(self, world: LiveWorld) -> None:
        self.world = world
        self.crowds = crowds(card=world.cards[world.person.pk][0])
        self.hostile: set[tuple[str, str]] = set()
        for crowd in self.crowds.values():
            self._grow(crowd, 1, IN_FRONT)
        self.ticks = Ticks(world, self.hostile)
        self.late = late()
        world.find_work = self.ticks.find_work

    def _grow(self, crowd: Crowd, first: int, last: int) -> None:
        crowd.grow(first, last)
        self.hostile |= crowd.keys()

    def put_in_front(self, *, really: bool) -> None:
        """Wake the crowd of one list; really, of thousands."""
        [kind] = self.world.rng.choices(list(self.crowds))
        self.world.note(f"in front: {kind}")
        if really:
            self._grow(self.crowds[kind], IN_FRONT + 1, REALLY_IN_FRONT)
        self.crowds[kind].wake(clock.now())


@contextmanager
def living() -> Iterator[Play]:
    """The simulation, with small batches and hostile rows ready for every list."""
    batch = queues.BATCH
    try:
        with simulated(LiveWorld) as world, troubled(world):
            yield Play(world)
    finally:
        queues.BATCH = batch


def run_seed(play: Play, seed: object) -> None:
    """Play one seed and assert that everything due happened within its bound."""
    world, really = play.world, isinstance(seed, int) and seed % REAL_EVERY == 0
    with rolled_back():
        world.begin(f"live {seed}")
        world.interleave = lambda: _step(world)
        world.take_back = lambda: take_back_early(world)
        queues.BATCH = REAL_BATCH if really else BATCH
        play.ticks.begin(is_whole=really, of=REALLY_IN_FRONT if really else IN_FRONT)
        try:
            play.put_in_front(really=really)
            for _ in range(world.rng.randint(FEWEST_ACTIONS, MOST_ACTIONS)):
                _step(world)
            _trouble_ends(world)
            _assert_all_happens(play)
        except Exception as error:
            story = "\n".join(world.log)
            raise SeedFailed(f"seed {seed}:\n{story}\n{traceback.format_exc()}") from error


def _step(world: LiveWorld) -> None:
    """One actor acts, on some host, or the world turns."""
    with world.on(world.rng.choice(HOSTS)):
        if world.chance(0.2):
            do(world, world.rng.choice(TURNS))
        else:
            weights = [weight for weight, _ in ACTIONS.values()]
            act(world, world.rng.choices(list(ACTIONS), weights)[0])


def _trouble_ends(world: LiveWorld) -> None:
    """But for cards that Stripe refuses for ever, and a piece of work that kills its workers."""
    world.trouble = False
    world.note("the trouble ends")
    ChargeSwitch.objects.update(stopped=False)
    world.stripe.clear_faults()
    for cards in world.cards.values():
        for card in cards:
            try:
                world.stripe.set_card(card, behaviour=None)
            except SandboxError:
                pass  # It was lost.
    oracle.finish_processing(world.stripe)
    tell_taken_back(world)


def _assert_all_happens(play: Play) -> None:
    world, ticks, since = play.world, play.ticks, clock.now()
    _let_workers_die(world, ticks)
    assert_given_up(world, since)
    ticks.play(WITHIN)
    assert_in_time(play.late.names(clock.now()))
    assert_nothing_lost(world)
    for step in LATER:
        world.move(step)
        ticks.play(TICKS_LATER)
        assert_in_time(play.late.names(clock.now()))
    assert_compared()
    assert_no_loop(since)
    assert_given_up(world, since)
    assert_nothing_lost(world)


def _let_workers_die(world: LiveWorld, ticks: Ticks) -> None:
    """Some seeds have a piece of work that kills each worker that comes to the same step."""
    if not world.chance(0.3):
        return
    place = "" if world.chance(0.7) else world.rng.choice(PLACES)
    death = world.death = Death(place, world.rng.choice((1, 3, 9, FOR_EVER, FOR_EVER)))
    deliver_some(world)
    ticks.one()
    for _ in range(queues.TRIES + 3):
        if not death.died or not death.left:
            break
        _come_to_its_turn(world, death)
        ticks.one()
    if not death.name:
        world.death = None
    if death.died < queues.TRIES:
        death.left = 0


def _come_to_its_turn(world: LiveWorld, death: Death) -> None:
    wait = MORTAL[death.name]
    if death.name == "wallets.apply_event":
        event = StripeEvent.objects.get(pk=death.args[0])
        wait = max(event.next_attempt_at - clock.now(), wait)
    world.move(wait + timedelta(seconds=1))
