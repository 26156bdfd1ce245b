"""Liveness: the faults stop, and within its bound everything due has happened; nothing loops.

Each seed plays the actors of the simulation among hostile rows: accounts that can never be charged
and events that can never be applied stand in front of every list, more of them than one batch. In
between, zones move, Stripe refuses without a word, and processes die. Then the trouble ends.
"""

import traceback
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.db.models import Q

from accounts import clock
from accounts.models import Account
from accounts.runtime import queues
from accounts.tests.builders import make_individual
from campaigns import pausing, payable
from campaigns.models import Campaign
from tests import oracle
from tests.simulation.actions import ACTIONS
from tests.simulation.run import SeedFailed, act
from tests.simulation.world import World, rolled_back, simulated
from wallets import limits, sweeps
from wallets.allocations import planning
from wallets.balances.opening import open_wallet
from wallets.models import AllocationRun, AutoRecharge, Purchase, StripeEvent, Wallet
from wallets.recharges import auto_recharge, low_balance
from wallets.stripe import answers, gateway

FEWEST_ACTIONS, MOST_ACTIONS = 8, 25

# A list's batch, and how many stand in front of each: the proportions of 200 and thousands.
BATCH = 4
IN_FRONT = 3 * BATCH

# The bound of each list is five minutes; the tick that serves it needs two more of these.
WITHIN = queues.OVERDUE_BOUND + timedelta(minutes=5)
# After the bound: the hours and days by which something promised must have come, with ticks after.
LATER = [timedelta(hours=1), timedelta(hours=6), timedelta(hours=25), timedelta(hours=73)]
TICKS_LATER = 8

ZONES = ("UTC", "America/New_York", "Pacific/Kiritimati", "Pacific/Pago_Pago", "Asia/Kathmandu")
# Workers that asked PostgreSQL for the time agree to within milliseconds.
SKEWS = (timedelta(0), timedelta(milliseconds=4), timedelta(milliseconds=-4))


@contextmanager
def living() -> Iterator[World]:
    """The simulation, with small batches and hostile rows in front of every list."""
    batch, confirm = queues.BATCH, gateway.confirm_intent
    queues.BATCH = BATCH
    try:
        with simulated() as world:
            world.refusals = 0
            gateway.confirm_intent = lambda **facts: _confirm(world, confirm, facts)
            put_in_front()
            yield world
    finally:
        queues.BATCH, gateway.confirm_intent = batch, confirm


def _confirm(world: World, confirm: Callable[..., object], facts: dict[str, object]) -> object:
    if not world.refusals:
        return confirm(**facts)
    world.refusals -= 1
    raise answers.Impossible("This payment cannot be confirmed.")


def put_in_front() -> None:
    """Accounts that cannot be charged and events that cannot be applied, once for all seeds."""
    long_ago = clock.now() - timedelta(days=30)
    for number in range(IN_FRONT):
        status = "closed" if number % 3 == 0 else "active"
        account = make_individual(f"Hostile {number}")
        Account.objects.filter(pk=account.pk).update(
            stripe_customer=f"cus_none_{number}", status=status
        )
        wallet = open_wallet(account=account)
        Wallet.objects.filter(pk=wallet.pk).update(default_payment_method=f"pm_none_{number}")
        AutoRecharge.objects.filter(wallet=wallet).update(
            enabled=True, due_since=long_ago, low_since=long_ago, look_at=long_ago
        )
    StripeEvent.objects.bulk_create(
        StripeEvent(
            event_id=f"evt_hostile_{number}",
            type=("payment_intent.succeeded", "charge.dispute.created")[number % 2],
            payload={"data": {"object": {} if number % 4 < 2 else {"id": f"pi_none_{number}"}}},
            received_at=long_ago,
            look_at=long_ago,
        )
        for number in range(IN_FRONT)
    )


def run_seed(world: World, seed: object) -> None:
    """Play one seed and assert that everything due happened within its bound."""
    with rolled_back():
        world.begin(f"live {seed}")
        world.interleave = lambda: _step(world)
        try:
            for _ in range(world.rng.randint(FEWEST_ACTIONS, MOST_ACTIONS)):
                _step(world)
            _trouble_ends(world)
            _tick_for(world, WITHIN)
            assert_in_time()
            for step in LATER:
                world.move(step)
                _tick_for(world, timedelta(minutes=TICKS_LATER))
                assert_in_time()
            assert_no_loop()
        except Exception as error:
            story = "\n".join(world.log)
            raise SeedFailed(f"seed {seed}:\n{story}\n{traceback.format_exc()}") from error


def _step(world: World) -> None:
    """One actor acts, on the clock of a worker that is off by a little, or the world turns."""
    if world.chance(0.1):
        _turn(world)
        return
    skew = world.rng.choice(SKEWS)
    world.move(skew)
    try:
        act(world, world.rng.choices(list(ACTIONS), [weight for weight, _ in ACTIONS.values()])[0])
    finally:
        world.move(-skew)


def _turn(world: World) -> None:
    """What no actor does: a zone moves, Stripe refuses without a code, time comes to midnight."""
    turn = world.rng.choice((_move_zone, _refuse_without_a_word, _come_to_midnight))
    world.note(f"{turn.__name__} {turn(world)}")


def _move_zone(world: World) -> str:
    account, zone = world.rng.choice(world.accounts), world.rng.choice(ZONES)
    Account.objects.filter(pk=account.pk).update(timezone=zone)
    return zone


def _refuse_without_a_word(world: World) -> str:
    world.refusals = world.rng.choice((1, 3, 9))
    return f"{world.refusals} times"


def _come_to_midnight(world: World) -> str:
    now = clock.now()
    midnight = (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    world.set_clock(midnight + world.rng.choice(SKEWS))
    return f"{clock.now():%H:%M:%S.%f}"


def _trouble_ends(world: World) -> None:
    world.trouble = False
    world.refusals = 0
    world.note("the trouble ends")
    world.stripe.clear_faults()
    for cards in world.cards.values():
        for card in cards:
            world.stripe.set_card(card, behaviour=None)


def _tick_for(world: World, span: timedelta) -> None:
    """Each minute what beat and workers do, once: no message is lost, none is repeated."""
    end = clock.now() + span
    while clock.now() < end:
        oracle.finish_processing(world.stripe)
        pausing.sweep()
        _work(world, sweeps.find_work())
        nudged, world.queue[:] = list(world.queue), []
        _work(world, nudged)
        world.move(timedelta(minutes=1))


def _work(world: World, pieces: list[tuple[str, tuple]]) -> None:
    for name, args in pieces:
        if name.startswith("accounts.mail"):
            continue
        oracle.do(name, args)
        world.publish()


def assert_in_time() -> None:
    """Nothing is overdue for longer than its bound."""
    late = {name: found for name, found in _late(clock.now()) if found}
    assert not late, "\n".join(f"{name}: {found}" for name, found in late.items())


def _late(now: datetime) -> Iterator[tuple[str, list]]:
    """What should have happened by now, each with the rule that says when."""
    since = now - WITHIN
    oracle.forget_mails()
    for queue in queues.registered.values():
        age = queue.oldest_overdue()
        yield f"{queue.kind} in its list", [age] if age > queue.bound else []
    wanted = auto_recharge.DUE.rows(now).filter(
        Q(not_before=None) | Q(not_before__lt=since), due_since__lt=since
    )
    yield "Auto-Recharges", list(wanted.values_list("wallet__account__name", "due_since"))
    runs = planning.DUE.rows(now).filter(Q(next_attempt_at=None) | Q(next_attempt_at__lt=since))
    yield "months", list(runs.values_list("allocation__account__name", "period"))
    lost = [run for run in AllocationRun.objects.filter(state="missed") if not _has_later(run, now)]
    yield "months that have not passed", [(run.allocation.account.name, run.period) for run in lost]
    untold = low_balance.UNTOLD.rows(now).filter(low_since__lt=since)
    yield "low balances", list(untold.values_list("wallet__account__name", "low_since"))
    open_ = Purchase.objects.open().filter(created_at__lt=now - limits.CONFIRM_WITHIN - WITHIN)
    left = open_.exclude(state="requires_action").filter(quarantined_at=None, allocation_run=None)
    yield "purchases", list(left.values_list("pk", "state"))
    events = StripeEvent.objects.waiting().filter(next_attempt_at__lt=since)
    yield "events", list(events.values_list("event_id", "attempts"))
    poor = payable.cannot_pay(campaigns=Campaign.objects.all(), now=now)
    yield "campaigns", list(poor.values_list("name", "account__name"))


def _has_later(run: AllocationRun, now: datetime) -> bool:
    today = run.allocation.agency.local_date(now)
    return run.period < planning.period_now(run.allocation) or run.period < today.replace(day=1)


def assert_no_loop() -> None:
    """No wallet was charged by itself more often than the brake allows, whatever came of it."""
    times: dict[tuple, list[datetime]] = defaultdict(list)
    for one in Purchase.objects.exclude(purpose="recharge").order_by("created_at"):
        times[(one.wallet_id, one.purpose)].append(one.created_at)
    for wallet, moments in times.items():
        for first, last in zip(moments, moments[limits.INTENTS_PER_WINDOW :], strict=False):
            assert last - first >= limits.CHARGE_WINDOW, f"{wallet} was tried at {moments}"
