"""What the liveness mode adds: skewed hosts, repeated deaths, a Stripe that answers anything."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import SimpleNamespace

from django.utils import timezone

from accounts import clock
from accounts.runtime import crash_points
from tests.simulation.in_process import InProcessSandbox
from tests.simulation.world import World
from wallets.models import Purchase
from wallets.stripe import answers, gateway

MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True)
class Host:
    """How far a worker's reading of PostgreSQL's clock is off, and how far its own clock."""

    reading: timedelta
    own: timedelta


HOSTS = (
    Host(timedelta(0), timedelta(0)),
    Host(4 * MILLISECOND, timedelta(seconds=7)),
    Host(-4 * MILLISECOND, timedelta(seconds=-40)),
    Host(2 * MILLISECOND, timedelta(days=2)),
    Host(-2 * MILLISECOND, timedelta(days=-2)),
)

# Anything at all: what a call may answer, and whether it did what it was asked nevertheless.
ANYTHING: tuple[tuple[Callable[[], Exception], bool], ...] = (
    (lambda: answers.Unknown("It took too long."), False),
    (lambda: answers.Unknown("It took too long."), True),
    (lambda: answers.Unknown("", code="api_error"), True),
    (lambda: answers.Unexecuted("", code="rate_limit"), False),
    (lambda: answers.Unexecuted("", code="lock_timeout"), False),
    (lambda: answers.Declined(""), False),
    (lambda: answers.Declined("", code="card_declined"), False),
    (lambda: answers.Impossible("This cannot be done."), False),
    (lambda: answers.Impossible("", code="resource_missing", param="customer"), False),
    (lambda: answers.Impossible("", code="resource_missing", param="payment_method"), False),
    (lambda: answers.StateChanged("", code="payment_intent_unexpected_state"), False),
    (lambda: answers.Misconfigured("No such key."), False),
)
ASKED = (
    "create_intent",
    "confirm_intent",
    "retrieve_intent",
    "cancel_intent",
    "retrieve_card",
    "create_refund",
    "retrieve_refund",
    "list_refunds",
    "retrieve_dispute",
)

# What one task may list of Stripe's past before its time is up and it is killed.
LISTED_BEFORE_KILLED = timedelta(days=2)


@dataclass
class Death:
    """A piece of work that kills its worker at a named step ("" is the first), `left` times."""

    place: str
    left: int
    name: str = ""
    args: tuple = ()
    died: int = 0

    def is_at(self, place: str, name: str, args: tuple) -> bool:
        """The first step is one of the work itself, not of telling others about it."""
        is_its = self.name and self.left and (self.name, self.args) == (name, args)
        wanted = self.place or (place if place != "after_commit_before_publish" else None)
        return bool(is_its) and wanted == place


class LiveWorld(World):
    """One run of the liveness mode: beside the simulation's, its own troubles."""

    def __init__(self, stripe: InProcessSandbox) -> None:
        super().__init__(stripe)
        self.forget()

    def forget(self) -> None:
        self.host = HOSTS[0]
        self.working_on: tuple[str, tuple] = ("", ())
        self.listed = timedelta(0)
        # How many calls still answer anything; cards whose payments Stripe refuses without a word.
        self.anything = self.refusals = 0
        self.refused_cards: set[str] = set()
        self.death: Death | None = None
        self.take_back: Callable[[], None] = lambda: None

    def begin(self, seed: object) -> None:
        super().begin(seed)
        self.forget()

    @contextmanager
    def on(self, host: Host) -> Iterator[None]:
        """What happens inside, happens on that host."""
        before, self.host = self.host, host
        self.move(host.reading - before.reading)
        try:
            yield
        finally:
            self.move(before.reading - host.reading)
            self.host = before

    @contextmanager
    def task(self, name: str, args: tuple, host: Host | None = None) -> Iterator[None]:
        """A worker, some host's, is at a piece of work."""
        before = self.working_on, self.listed
        self.working_on, self.listed = (name, args), timedelta(0)
        try:
            with self.on(host or self.rng.choice(HOSTS)):
                yield
        finally:
            self.working_on, self.listed = before

    def meet_trouble(self, place: str) -> None:
        death = self.death
        if death and death.is_at(place, *self.working_on):
            death.left -= 1
            death.died += 1
            self.note(f"dies again at {place} of {death.name}{death.args}")
            raise crash_points.Crash
        if place == "after_confirm" and self.chance(0.5 if self.trouble else 0.1):
            self.take_back()
        super().meet_trouble(place)

    def note_listed(self, since: datetime, until: datetime | None) -> None:
        self.listed += (until or clock.now()) - since
        if self.listed > LISTED_BEFORE_KILLED:
            self.note("its time is up")
            raise crash_points.Crash


@contextmanager
def troubled(world: LiveWorld) -> Iterator[None]:
    """The gateway and the hosts' clocks as this world has them."""
    real = {name: getattr(gateway, name) for name in (*ASKED, "intents_since")}
    for name in ASKED:
        setattr(gateway, name, _answering(world, name, real[name]))

    def intents_since(*, since: datetime, until: datetime | None = None, **which: str) -> Iterator:
        if world.working_on[0] == "wallets.compare_stripe":
            world.note_listed(since, until)
        return real["intents_since"](since=since, until=until, **which)

    gateway.intents_since = intents_since
    before = gateway.time, timezone.now
    gateway.time = SimpleNamespace(
        time=lambda: time.time() + world.host.own.total_seconds(), monotonic=time.monotonic
    )
    timezone.now = lambda: clock._moment.get() + world.host.own
    try:
        yield
    finally:
        gateway.time, timezone.now = before
        for name, call in real.items():
            setattr(gateway, name, call)


def _answering(world: LiveWorld, name: str, call: Callable[..., object]) -> Callable[..., object]:
    def asked(**facts: object) -> object:
        if name == "confirm_intent" and _is_refused(world, str(facts["intent_id"])):
            raise answers.Impossible("This payment cannot be confirmed.")
        if not (world.trouble and world.anything):
            return call(**facts)
        world.anything -= 1
        make, is_done = world.rng.choice(ANYTHING)
        if is_done:
            call(**facts)
        error = make()
        world.note(f"{name} is answered by {type(error).__name__} {error.code}")
        raise error

    return asked


def _is_refused(world: LiveWorld, intent_id: str) -> bool:
    if world.trouble and world.refusals:
        world.refusals -= 1
        return True
    if not world.refused_cards:
        return False
    cards = Purchase.objects.filter(payment_intent=intent_id).values_list("payment_method")
    return any(card in world.refused_cards for (card,) in cards)
