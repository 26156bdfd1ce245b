"""Who is there before a run begins: an agency with two sub-accounts, a person, their cards."""

import os
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from django.db import connection, transaction
from kombu.utils import json

from accounts import clock
from accounts.models import Account
from accounts.runtime import crash_points
from accounts.tests.builders import make_agency, make_individual, make_sub_account
from campaigns import pausing
from campaigns.tests.builders import make_campaign
from tests.simulation.in_process import InProcessHTTP, InProcessSandbox, clients
from thinkrr_billing.celery import app as celery_app
from wallets import sweeps
from wallets.balances.opening import open_wallet
from wallets.models import Purchase, Wallet
from wallets.models.purchase import PurchaseQuerySet
from wallets.stripe import gateway
from wallets.tests.worlds.builders import GOOD_CARD, OTHER_GOOD_CARD, add_card, fill

BEGINNING = datetime(2027, 1, 27, 9, 30, tzinfo=UTC)

# How deep processes may cut into each other: the second one may meet a third.
DEEPEST = 2


class World:
    """One run: the state that is not in the database, and the dice."""

    def __init__(self, stripe: InProcessSandbox) -> None:
        self.stripe = stripe
        self.rng = random.Random(0)
        # The broker: messages wait here, may be done twice, and may be lost.
        self.queue: list[tuple[str, tuple]] = []
        # Stripe's events that were not delivered yet are those from here on, and the held ones.
        self.events_seen = 0
        self.undelivered: list[dict] = []
        self.trouble = False
        self.depth = 0
        self.log: list[str] = []
        self.interleave: Callable[[], None] = lambda: None

    def populate(self) -> None:
        """Make the accounts, once; every run begins from here."""
        self.agency = make_agency(included_minutes=60)
        self.subs = [make_sub_account(name, agency=self.agency) for name in ("North", "South")]
        self.person = make_individual()
        self.accounts: list[Account] = [self.agency, *self.subs, self.person]
        self.wallets: list[Wallet] = [open_wallet(account=one) for one in self.accounts]
        self.cards: dict[object, list[str]] = {}
        for wallet in self.wallets:
            numbers = (GOOD_CARD, OTHER_GOOD_CARD)
            self.cards[wallet.account_id] = [
                add_card(self.stripe, wallet, number).id for number in numbers
            ]
            fill(wallet, credit="20")
            wallet.account.refresh_from_db()
        self.campaigns = [
            make_campaign(account, minute_type=kind)
            for account in self.accounts
            for kind in ("premium", "premium_then_basic")
        ]
        self.stripe.keep()

    def begin(self, seed: object) -> None:
        self.rng = random.Random(str(seed))
        self.queue.clear()
        # What was sent while the world was built is no part of any run.
        connection.run_on_commit = []
        self.log.clear()
        self.undelivered.clear()
        self.trouble, self.depth = True, 0
        self.stripe.restore()
        self.events_seen = len(self.stripe.events())
        self.set_clock(BEGINNING + timedelta(hours=self.rng.randrange(24 * 40)))

    def set_clock(self, moment: datetime) -> None:
        clock._moment.set(moment)

    def move(self, step: timedelta) -> None:
        self.set_clock(clock._moment.get() + step)

    def find_work(self) -> list[tuple[str, tuple]]:
        """What the sweeps of a minute find; campaigns are paused by their own."""
        found = sweeps.find_work()
        pausing.sweep()
        return found

    def purchases(self) -> PurchaseQuerySet:
        """Those of its accounts."""
        return Purchase.objects.filter(payer__in=self.accounts)

    def note(self, text: str) -> None:
        self.log.append(f"{clock.now():%d %H:%M:%S} {'  ' * self.depth}{text}")

    def chance(self, probability: float) -> bool:
        return self.rng.random() < probability

    def meet_trouble(self, place: str) -> None:
        """Between two steps of a process: somebody else acts, or the process dies."""
        if not self.trouble:
            return
        inside = not connection.atomic_blocks[-1]._from_testcase
        if self.chance(0.03):
            self.note(f"dies at {place}")
            raise crash_points.Crash
        if not inside and self.depth < DEEPEST and self.chance(0.06):
            self.note(f"meanwhile, at {place}:")
            self.interleave()

    def publish(self) -> None:
        """What `on_commit` does, in an outer transaction that never commits."""
        callbacks, connection.run_on_commit = connection.run_on_commit, []
        for _, send, _ in callbacks:
            try:
                send()
            except crash_points.Crash:
                pass

    def send(self, name: str, args: tuple = (), **options: object) -> None:
        # As a worker would read them.
        self.queue.append((name, tuple(json.loads(json.dumps(list(args))))))


@contextmanager
def simulated(kind: type[World] = World) -> Iterator[World]:
    """The parts that a simulation replaces: sockets, broker, chance and time.

    Call with a database; nothing of what happens inside is committed.
    """
    stripe = InProcessSandbox()
    world = kind(stripe)
    http = InProcessHTTP(stripe, world.meet_trouble)
    before = (gateway.client, celery_app.send_task, os.urandom, clock._moment.get())
    gateway.client, celery_app.send_task = clients(http), world.send
    os.urandom = lambda size: world.rng.randbytes(size)
    for name in crash_points.POINTS:
        crash_points.hook(name, lambda name=name: world.meet_trouble(name))
    try:
        with rolled_back():
            world.set_clock(BEGINNING - timedelta(days=1))
            world.populate()
            yield world
    finally:
        for name in crash_points.POINTS:
            crash_points.hook(name, None)
        gateway.client, celery_app.send_task, os.urandom = before[:3]
        clock._moment.set(before[3])


@contextmanager
def rolled_back() -> Iterator[None]:
    """Everything inside is undone. Our code takes it for no transaction at all."""
    block = transaction.atomic()
    block._from_testcase = True
    with block:
        try:
            yield
        finally:
            transaction.set_rollback(True)
            connection.run_on_commit = []
