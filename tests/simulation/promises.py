"""What the liveness mode promises, as the table of docs/waiting.md has it."""

from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from django.db.models import Q, QuerySet

from accounts import clock
from accounts.models import StaffAlert
from accounts.runtime import queues
from campaigns import payable
from campaigns.models import Campaign
from tests.simulation.crowd import NAME
from tests.simulation.timed import Prepared, at_any_moment
from tests.simulation.trouble import LiveWorld
from wallets import limits
from wallets.allocations import planning
from wallets.models import AllocationRun, Purchase, Reversal, StripeComparison, StripeEvent
from wallets.models.purchase import OPEN_STATES
from wallets.months import due_dates
from wallets.recharges import auto_recharge, low_balance, low_minutes

# The bound of each list is five minutes; the tick that serves it needs two more of these.
WITHIN = queues.OVERDUE_BOUND + timedelta(minutes=5)
# After the bound: the hours and days by which something promised must have come, with ticks after.
LATER = (timedelta(hours=1), timedelta(hours=6), timedelta(hours=25), timedelta(hours=73))
# No zone is further ahead of UTC.
AHEAD = timedelta(hours=14)
# Hosts read PostgreSQL's clock to within milliseconds.
A_MOMENT = timedelta(seconds=1)


def _others(rows: QuerySet, account: str) -> QuerySet:
    """Without the hostile ones, which wait for ever."""
    return rows.exclude(**{f"{account}__name__startswith": NAME})


def _recharges(now: datetime) -> QuerySet:
    since = now - WITHIN
    wanted = auto_recharge.DUE.rows(now).filter(due_since__lt=since)
    wanted = wanted.filter(Q(not_before=None) | Q(not_before__lt=since))
    return _others(wanted, "wallet__account").values_list("wallet__account__name")


def _months(now: datetime) -> QuerySet:
    since = now - WITHIN
    runs = planning.DUE.rows(now).filter(Q(next_attempt_at=None) | Q(next_attempt_at__lt=since))
    runs = runs.filter(created_at__lt=since)
    return _others(runs, "allocation__account").values_list("allocation__account__name")


def _low_balances(now: datetime) -> QuerySet:
    untold = low_balance.UNTOLD.rows(now).filter(low_since__lt=now - WITHIN)
    return _others(untold, "wallet__account").values_list("wallet__account__name")


def _low_minutes(now: datetime) -> QuerySet:
    untold = low_minutes.UNTOLD.rows(now).filter(minutes_low_since__lt=now - WITHIN)
    return _others(untold, "wallet__account").values_list("wallet__account__name")


def _purchases(now: datetime) -> QuerySet:
    """Without an answer for longer than a confirmation may be sent: a link to the bank lives on."""
    open_ = Purchase.objects.filter(queues.awake(now), state__in=("created", "submitted"))
    open_ = open_.filter(quarantined_at=None).filter(
        Q(allocation_run=None, created_at__lt=now - limits.CONFIRM_WITHIN - WITHIN)
        | Q(created_at__lt=now - limits.CONFIRM_ALLOCATION_WITHIN - WITHIN)
    )
    return _others(open_, "payer").values_list("id")


def _links(now: datetime) -> QuerySet:
    ends = now - limits.BANK_LINK_LIFETIME - WITHIN
    asked = Purchase.objects.filter(queues.awake(now), state="requires_action")
    return asked.filter(submitted_at__lt=ends, quarantined_at=None).values_list("id")


def _events(now: datetime) -> QuerySet:
    waiting = StripeEvent.objects.waiting().filter(next_attempt_at__lt=now - WITHIN)
    return waiting.exclude(event_id__startswith="evt_hostile_").values_list("event_id")


def _campaigns(now: datetime) -> QuerySet:
    return payable.cannot_pay(campaigns=Campaign.objects.all(), now=now).values_list("name")


LATE: dict[str, Callable[[datetime], QuerySet]] = {
    "Auto-Recharges": _recharges,
    "months": _months,
    "low balances": _low_balances,
    "low minutes": _low_minutes,
    "purchases": _purchases,
    "links to the bank": _links,
    "events": _events,
    "campaigns": _campaigns,
}

OVERDUE = """EXISTS (SELECT 1 FROM ({due}) AS waits
WHERE waits.turn < %(now)s::timestamptz - interval '{bound}' AND NOT EXISTS (
    SELECT 1 FROM accounts_queueemptied WHERE kind = '{kind}'
    AND at BETWEEN %(now)s::timestamptz - interval '{bound}' AND %(now)s))"""


def late() -> Prepared:
    """What should have happened by now and has not: one statement."""
    asked = [(name, f"EXISTS ({at_any_moment(rows)})") for name, rows in LATE.items()]
    for queue in queues.registered.values():
        if not queue.kind.endswith("_mail"):
            asked.append((f"the list of {queue.kind}", _overdue(queue)))
    return Prepared(
        " UNION ALL ".join(f"SELECT '{name}' WHERE {is_late}" for name, is_late in asked)
    )


def _overdue(queue: queues.Queue) -> str:
    due = at_any_moment(lambda now: queue.due(now).order_by().values_list(queue.column))
    due = f"SELECT {queue.column} AS turn FROM ({due}) AS rows({queue.column})"
    return OVERDUE.format(due=due, bound=queue.bound, kind=queue.kind)


def assert_in_time(found: set[str]) -> None:
    """Nothing is overdue for longer than its bound."""
    now = clock.now()
    assert not found, "\n".join(
        f"{name}: {list(LATE[name](now)) if name in LATE else 'overdue'}" for name in sorted(found)
    )


def assert_nothing_lost(world: LiveWorld) -> None:
    """No month was given up or paid before its time, and all money taken back is in our books."""
    now = clock.now()
    ended = AllocationRun.objects.filter(state__in=["missed", "paid"])
    for run in _others(ended, "allocation__account").select_related("allocation"):
        day = (min(run.closed_at, now) + AHEAD).astimezone(UTC).date()
        following = next(due_dates(run.allocation.anchor_date, after=run.period))
        is_over = following <= day or run.period < day.replace(day=1)
        assert run.state == "paid" or is_over, f"missed, and it has not passed: {run.period}"
        assert run.period <= day or run.allocation.anchor_date > day, f"paid too early: {run}"
    early = Purchase.objects.filter(created_at__gt=now + A_MOMENT)
    assert not early.exists(), "something was bought in the future"
    _assert_taken_back(world)


def _assert_taken_back(world: LiveWorld) -> None:
    """Each refund and dispute at Stripe of a payment of ours is a row, or its event waits."""
    store = world.stripe.machine.store
    standing = [one for one in store.list(kind="refund") if one["status"] != "failed"]
    standing += [
        one
        for one in store.list(kind="dispute")
        if sum(line["amount"] for line in one["balance_transactions"]) < 0
    ]
    if not standing:
        return
    known = set(Reversal.objects.values_list("stripe_id", flat=True))
    unknown = [one for one in standing if one["id"] not in known]
    ours = Purchase.objects.exclude(state__in=["declined", "canceled"])
    ours = ours.exclude(state__in=OPEN_STATES).filter(
        payment_intent__in=[one["payment_intent"] for one in unknown]
    )
    waits = StripeEvent.objects.filter(
        applied_at=None, payload__data__object__id__in=[one["id"] for one in unknown]
    )
    lost = set(ours.values_list("payment_intent", flat=True)) if unknown else set()
    told = {one["data"]["object"]["id"] for one in waits.values_list("payload", flat=True)}
    left = [one["id"] for one in unknown if one["payment_intent"] in lost and one["id"] not in told]
    assert not left, f"taken back at Stripe, and nothing here says so: {left}"


def assert_compared() -> None:
    """However often its worker was killed, a comparison comes to its end, or support knows."""
    left = StripeComparison.objects.filter(finished_at=None)
    assert not left, f"compared no further than {[str(one.at) for one in left]}"


def assert_no_loop(quiet_since: datetime) -> None:
    """By itself no wallet is tried more often than the brake allows, or sooner than its wait."""
    tried: dict[tuple, list[Purchase]] = defaultdict(list)
    charged = Purchase.objects.exclude(purpose="recharge").order_by("created_at")
    for one in charged:
        tried[(one.wallet_id, one.purpose)].append(one)
    for wallet, those in tried.items():
        moments = [one.created_at for one in those]
        for first, last in zip(moments, moments[limits.INTENTS_PER_WINDOW :], strict=False):
            assert last - first >= limits.CHARGE_WINDOW, f"{wallet} was tried at {moments}"
        # What people did in the trouble's last moment may bear a later host's reading.
        quiet = [one for one in those if one.created_at > quiet_since + A_MOMENT]
        for one, following in zip(quiet, quiet[1:], strict=False):
            _assert_waited(one, following)


def _assert_waited(one: Purchase, following: Purchase) -> None:
    """Nobody acts once the trouble has ended: only time lets the next attempt be made."""
    if one.payment_method != following.payment_method:
        return
    canceled_there = one.state == "canceled" and one.payment_intent and not one.given_up_at
    if one.state == "declined" or canceled_there:
        wait = limits.DECLINE_WAITS[0]
    elif one.purpose == "auto_recharge" and one.state == "succeeded":
        wait = limits.COOLDOWN
    else:
        return
    waited = following.created_at - one.closed_at
    assert waited >= wait - A_MOMENT, f"{one.purpose} {one.state}, and again after {waited}"


def assert_given_up(world: LiveWorld, quiet_since: datetime) -> None:
    """What kills each worker rests, or is given up, and support was told."""
    death = world.death
    if death is None:
        return
    is_event = death.name == "wallets.apply_event"
    most = limits.EVENT_ATTEMPTS if is_event else queues.TRIES
    # After a day's rest it may try once more.
    days = (clock.now() - quiet_since) // queues.REST
    assert death.died <= most + days, f"{death} killed {death.died} workers"
    if death.died >= most:
        kind = "event_given_up" if is_event else "killed_workers"
        assert StaffAlert.objects.filter(kind=kind).exists(), f"{death}: support was not told"
