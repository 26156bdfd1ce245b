"""What no actor of the simulation does: the world turns while it is played."""

from collections.abc import Callable
from datetime import UTC, timedelta
from decimal import Decimal

from accounts import clock
from accounts.models import Account
from tests import oracle
from tests.simulation.actions import deliver
from tests.simulation.trouble import HOSTS, LiveWorld
from thinkrr_billing.sandbox.stripe.process import SandboxError
from wallets.allocations import configure as allocations
from wallets.allocations import planning
from wallets.books import comparing
from wallets.charging import switch
from wallets.errors import Refused
from wallets.models import AutoAllocation, Purchase, StripeComparison, StripeEvent, Wallet
from wallets.recharges import configure

ZONES = ("UTC", "America/New_York", "Pacific/Kiritimati", "Pacific/Pago_Pago", "Asia/Kathmandu")
TAKEN_BACK = ("refund.", "charge.refund", "charge.dispute.")


def move_zone(world: LiveWorld) -> str:
    account, zone = world.rng.choice(world.accounts), world.rng.choice(ZONES)
    Account.objects.filter(pk=account.pk).update(timezone=zone)
    return f"{account} {zone}"


def come_to_midnight(world: LiveWorld, *, of_agency: bool = False) -> str:
    """UTC's or the agency's: one host plans its months, and another charges them."""
    zone = Account.objects.get(pk=world.agency.pk).zone
    local = clock.now().astimezone(zone if of_agency or world.chance(0.5) else UTC)
    midnight = (local + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    world.set_clock(midnight.astimezone(UTC))
    one, another = world.rng.sample(HOSTS, 2)
    with world.on(one):
        due = planning.plan_due(now=clock.now())
    for run_id in due:
        with world.task("wallets.run_allocation", (run_id,), host=another):
            oracle.do("wallets.run_allocation", (run_id,))
    return f"{clock.now():%H:%M:%S}, {len(due)} months"


def begin_a_month(world: LiveWorld) -> str:
    """A sub-account gets its first month, which begins at its agency's next midnight."""
    today = Account.objects.get(pk=world.agency.pk).local_date(clock.now())
    allocations.save(
        account=world.rng.choice(world.subs),
        agency=world.agency,
        actor=None,
        basic_minutes=world.rng.choice((100, 400)),
        premium_minutes=0,
        payment_method=world.rng.choice(world.cards[world.agency.pk]),
        start_date=today + timedelta(days=1),
    )
    return come_to_midnight(world, of_agency=True)


def refuse_without_a_word(world: LiveWorld) -> str:
    """Stripe refuses some payments without a code, or an account's cards for ever."""
    if world.chance(0.5):
        wallet = world.rng.choice(world.wallets)
        world.refused_cards |= set(world.cards[wallet.account_id])
        return f"{wallet}: {want_a_charge(world, wallet)}"
    world.refusals = world.rng.choice((1, 3, 9))
    return f"{world.refusals} times"


def answer_anything(world: LiveWorld) -> str:
    world.anything = world.rng.choice((1, 2, 4, 8))
    return f"{world.anything} calls"


def move_settings(world: LiveWorld) -> str:
    """The minutes of a month, or the threshold: above the balance, so that a charge is wanted."""
    rng = world.rng
    if world.chance(0.3):
        minutes = rng.choice((100, 400, 2000))
        moved = AutoAllocation.objects.filter(active=True, account__in=world.subs)
        moved = moved.update(basic_minutes=minutes)
        return f"{moved} allocations to {minutes}"
    return want_a_charge(world, rng.choice(world.wallets))


def want_a_charge(world: LiveWorld, wallet: Wallet) -> str:
    """Its account raises the threshold of Auto-Recharge, mostly above what it has."""
    settings = configure.Settings(
        enabled=True,
        threshold=Decimal(world.rng.choice((2, 50, 200))),
        amount=Decimal(world.rng.choice((5, 30, 400))),
        payment_method="",
        monthly_limit=None,
        resume_campaigns=True,
    )
    return configure.save(wallet_id=wallet.pk, settings=settings, actor=None).decision.code


def lose_card_at_stripe(world: LiveWorld) -> str:
    """A card is detached there, or the customer deleted; whether an event tells is drawn later."""
    account = world.rng.choice(world.accounts)
    if world.chance(0.2):
        customer = Account.objects.get(pk=account.pk).stripe_customer
        return f"{customer} {world.stripe.api('DELETE', f'/v1/customers/{customer}', {})}"
    card = world.rng.choice(world.cards[account.pk])
    return f"{card} {world.stripe.api('POST', f'/v1/payment_methods/{card}/detach', {})}"


def stop_or_start_charges(world: LiveWorld) -> str:
    try:
        (switch.stop if world.chance(0.5) else switch.start)(reason="a drill", actor=None)
    except Refused as error:
        return str(error)
    return "turned"


def compare_with_stripe(world: LiveWorld) -> str:
    """The night's comparison, after another that was complete yesterday. The costliest turn."""
    if world.chance(0.6) or StripeComparison.objects.exists():
        return "not tonight"
    done = clock.now() - timedelta(days=1)
    StripeComparison.objects.create(
        since=done, at=done, until=done, slice_seconds=1, started_at=done, finished_at=done
    )
    row = comparing.begin()
    with world.task("wallets.compare_stripe", (row.pk,)):
        oracle.do("wallets.compare_stripe", (row.pk,))
    row.refresh_from_db()
    return "complete" if row.finished_at else f"come to {row.at:%d %H:%M}"


TURNS: tuple[Callable[[LiveWorld], str], ...] = (
    *(move_zone, come_to_midnight, begin_a_month, begin_a_month, move_settings, move_settings),
    *(refuse_without_a_word, refuse_without_a_word, answer_anything, answer_anything),
    *(lose_card_at_stripe, stop_or_start_charges, compare_with_stripe),
)


def take_back_early(world: LiveWorld) -> None:
    """Somebody takes back what Stripe took a moment ago: the event overtakes our credit."""
    name, (key, *_) = world.working_on[0], (*world.working_on[1], None)
    taken = [one for one in world.stripe.intents() if one["amount_received"]]
    known = set(Purchase.objects.filter(state="succeeded").values_list("payment_intent", flat=True))
    taken = [one for one in taken if one["id"] not in known]
    if not taken:
        return
    intent = taken[-1]["id"]
    world.note(f"{intent} is taken back before it is credited, at {name} {key}")
    try:
        if world.chance(0.5):
            world.stripe.api("POST", "/v1/refunds", {"payment_intent": intent, "amount": 50})
        else:
            world.stripe.dispute(intent, status="needs_response", amount=taken[-1]["amount"])
    except SandboxError as error:
        world.note(f"  -> {error}")
    tell_taken_back(world)


def tell_taken_back(world: LiveWorld) -> None:
    """Stripe sends every event about money taken back that we have not got, until we have."""
    events = [one for one in world.stripe.events() if one["type"].startswith(TAKEN_BACK)]
    got = set(StripeEvent.objects.values_list("event_id", flat=True)) if events else set()
    for event in events:
        if event["id"] in got:
            continue
        with world.on(HOSTS[0]):
            deliver(event)
        row = StripeEvent.objects.get(event_id=event["id"])
        with world.task("wallets.apply_event", (row.pk,)):
            oracle.do("wallets.apply_event", (row.pk,))
        world.publish()


def deliver_some(world: LiveWorld) -> None:
    """Events that Stripe has not sent yet wait for a worker."""
    got = set(StripeEvent.objects.values_list("event_id", flat=True))
    for event in [one for one in world.stripe.events() if one["id"] not in got][-2:]:
        with world.on(HOSTS[0]):
            deliver(event)
        world.publish()
