"""No number of rows in front keeps another one waiting, whatever becomes of those in front."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from decimal import Decimal
from itertools import count
from uuid import uuid4

import pytest
from django.db import connection
from djmoney.money import Money
from djstripe.models import Customer, PaymentMethod

from accounts import clock
from accounts.models import Account, Notification
from accounts.runtime import queues
from accounts.tests.builders import make_agency
from tests.databases import as_owner
from wallets import inbox, limits, sweeps, tasks
from wallets.alerts import crossing
from wallets.allocations import planning, retries
from wallets.cards import keeping
from wallets.charging import purchases
from wallets.models import (
    Alert,
    AllocationRun,
    AutoAllocation,
    AutoRecharge,
    Purchase,
    Reversal,
    StripeEvent,
    Wallet,
)
from wallets.recharges import auto_recharge, low_balance, low_minutes, suspensions
from wallets.reversals import refunds
from wallets.tests.worlds import histories
from wallets.tests.worlds.allocation_world import make_world, moment
from wallets.tests.worlds.auto_recharge_world import credit, decline, run, suspend_by_declining
from wallets.tests.worlds.builders import (
    OTHER_GOOD_CARD,
    add_card,
    make_wallet,
    set_auto_recharge,
)

pytestmark = [pytest.mark.django_db, pytest.mark.journey]

BATCH = 20
# More than one batch, so that whoever stands behind is in none of the first.
CROWD = BATCH + 6

_numbers = count(1)


@pytest.fixture(autouse=True)
def small_batches(monkeypatch):
    monkeypatch.setattr(queues, "BATCH", BATCH)


def wallets(many, **facts):
    """So many wallets below their threshold, their card known by its id only."""
    accounts = Account.objects.bulk_create(
        Account(kind="individual", name=f"Account {next(_numbers)}", timezone="UTC", **facts)
        for _ in range(many)
    )
    made = Wallet.objects.bulk_create(
        Wallet(account=account, default_payment_method="pm_gone") for account in accounts
    )
    now = clock.now()
    AutoRecharge.objects.bulk_create(
        AutoRecharge(wallet=wallet, enabled=True, threshold=Money(10, "USD"), due_since=now)
        for wallet in made
    )
    return made


def due_recharges(many):
    return [wallet.pk for wallet in wallets(many)]


def low_balances(many):
    ids = due_recharges(many)
    AutoRecharge.objects.filter(wallet__in=ids).update(
        enabled=False, due_since=None, low_since=clock.now()
    )
    return ids


def few_minutes(many):
    ids = due_recharges(many)
    AutoRecharge.objects.filter(wallet__in=ids).update(
        enabled=False, due_since=None, minutes_low_since=clock.now()
    )
    return ids


def crossed_alerts(many):
    wallet = make_wallet()
    rows = Alert.objects.bulk_create(
        Alert(wallet=wallet, kind="balance", level=level, armed=False, crossed_at=clock.now())
        for level in range(1, many + 1)
    )
    return [row.pk for row in rows]


def events(many):
    rows = StripeEvent.objects.bulk_create(
        StripeEvent(event_id=f"evt_{next(_numbers)}", type="payment_intent.succeeded", payload={})
        for _ in range(many)
    )
    return [row.pk for row in rows]


def open_purchases(many):
    rows = Purchase.objects.bulk_create(
        Purchase(
            payer=wallet.account,
            wallet=wallet,
            purpose="auto_recharge",
            amount_cents=5000,
            buys="credit",
            payment_method="pm_gone",
            state="submitted",
            payment_intent=f"pi_{uuid4().hex}",
            submitted_at=clock.now(),
        )
        for wallet in wallets(many)
    )
    return [row.pk for row in rows]


def open_refunds(many):
    wallet = make_wallet()
    rows = Reversal.objects.bulk_create(
        Reversal(purchase=histories.buy(wallet), kind="refund", amount_cents=100, state="created")
        for _ in range(many)
    )
    return [row.pk for row in rows]


def allocations(many, agency=None):
    agency = agency or make_agency()
    subs = Account.objects.bulk_create(
        Account(kind="sub_account", agency=agency, name=f"Sub {next(_numbers)}", timezone="UTC")
        for _ in range(many)
    )
    Wallet.objects.bulk_create(Wallet(account=sub) for sub in subs)
    return AutoAllocation.objects.bulk_create(
        AutoAllocation(
            agency=agency,
            account=sub,
            basic_minutes=100,
            payment_method="pm_gone",
            anchor_date=date(2026, 11, 14),
        )
        for sub in subs
    )


def runs_of(allocations, **facts):
    return AllocationRun.objects.bulk_create(
        AllocationRun(
            allocation=allocation,
            period=date(2026, 11, 14),
            basic_minutes=100,
            premium_minutes=0,
            basic_rate="0.09",
            premium_rate="0.16",
            amount_cents=900,
            **facts,
        )
        for allocation in allocations
    )


def due_runs(many):
    return [row.pk for row in runs_of(allocations(many))]


def mirrored_card(agency):
    """A card that no sandbox knows, as the mirror has it."""
    agency.stripe_customer = f"cus_{next(_numbers)}"
    agency.save(update_fields=["stripe_customer"])
    Customer.objects.create(id=agency.stripe_customer, stripe_data={})
    card_id = f"pm_{agency.stripe_customer}"
    PaymentMethod.objects.create(
        id=card_id,
        customer_id=agency.stripe_customer,
        stripe_data={"id": card_id, "card": {"exp_year": 2099, "exp_month": 12}},
    )
    return card_id


def untried_months(many):
    """Failed for good while their card had expired; it has been renewed."""
    agency = make_agency()
    failed = allocations(many, agency)
    AutoAllocation.objects.filter(agency=agency).update(
        payment_method=mirrored_card(agency), failed_at=clock.now()
    )
    return [row.pk for row in runs_of(failed, state="failed", closed_at=clock.now())]


LISTS = {
    "event": (inbox.WAITING, events),
    "purchase": (purchases.OPEN, open_purchases),
    "refund": (refunds.WAITING, open_refunds),
    "recharge": (auto_recharge.DUE, due_recharges),
    "low_balance": (low_balance.UNTOLD, low_balances),
    "low_minutes": (low_minutes.UNTOLD, few_minutes),
    "allocation": (planning.DUE, due_runs),
    "month_untried": (retries.UNTRIED, untried_months),
    "own_alert": (crossing.UNTOLD, crossed_alerts),
}


@pytest.fixture(params=LISTS)
def crowded(request):
    """A list, so many rows in front that nobody ever serves, and one behind them."""
    queue, make = LISTS[request.param]
    start = clock.now()
    with clock.at(start - timedelta(minutes=2)):
        front = make(CROWD)
    with clock.at(start - timedelta(minutes=1)):
        [behind] = make(1)
    return queue, start, front, behind


def test_who_stands_behind_a_crowd_that_nobody_serves_is_in_the_second_batch(crowded):
    queue, start, front, behind = crowded

    with clock.at(start):
        first, second = queue.claim(), queue.claim()

    assert len(first) == BATCH
    assert {*first, *second} == {*front, behind}
    assert second[-1] == behind


def test_a_newcomer_waits_for_no_more_than_one_round_of_the_crowd(crowded):
    queue, start, front, behind = crowded
    for minute in range(10):
        with clock.at(start + timedelta(minutes=minute)):
            handed_out = list(queue.take())
    again = start + timedelta(minutes=60)
    columns = ("look_at", "low_look_at", "minutes_look_at")
    AutoRecharge.objects.filter(wallet_id=behind).update(**dict.fromkeys(columns, again))
    for model in (StripeEvent, Purchase, Reversal, AllocationRun, Alert):
        if queue.rows(again).model is model:
            model.objects.filter(pk=behind).update(look_at=again)

    with clock.at(again):
        handed_out = list(queue.take())

    assert handed_out[-1] == behind
    assert set(handed_out) == {*front, behind}


@pytest.mark.parametrize("kind", LISTS)
def test_waits_grow_with_the_age_of_a_row_up_to_the_longest(kind):
    queue, make = LISTS[kind]
    start = clock.now()
    with clock.at(start - timedelta(minutes=1)):
        make(1)
    handed_out = []

    for minute in range(40):
        with clock.at(start + timedelta(minutes=minute)):
            if list(queue.take()):
                handed_out.append(minute)

    # Half its age more: the longest wait of these is an hour, that of all others five minutes.
    is_slow = queue.kind in ("refund", "month_untried")
    later = [17, 26] if is_slow else [16, 21, 26, 31, 36]
    assert handed_out == [0, 1, 2, 4, 7, 11, *later]


def test_a_tick_takes_everything_in_few_statements(crowded, django_assert_max_num_queries):
    queue, start, _front, _behind = crowded

    # Two batches and the empty third: savepoint, switch, select, update, release; then its note.
    with clock.at(start), django_assert_max_num_queries(5 * 3 + 6):
        assert len(list(queue.take())) == CROWD + 1


def test_the_oldest_overdue_is_as_old_as_its_turn_is_past(crowded):
    queue, start, _front, _behind = crowded

    with clock.at(start):
        before = queue.oldest_overdue()
        list(queue.take())
        after = queue.oldest_overdue()

    assert (before, after) == (timedelta(minutes=2), timedelta(0))


def test_what_can_be_served_only_now_is_not_overdue_since_its_turn(low):
    start = clock.now()
    with clock.at(start):
        set_auto_recharge(low, suspended_at=start, suspended_reason="support")
        AutoRecharge.objects.watch(wallet_ids=[low.pk], now=start)
    with clock.at(start + timedelta(hours=1)):
        assert list(auto_recharge.DUE.take()) == []

    with clock.at(start + timedelta(hours=1, minutes=3)):
        set_auto_recharge(low, suspended_at=None, suspended_reason="")
        assert auto_recharge.DUE.oldest_overdue() == timedelta(minutes=3)


def test_a_sweep_whose_time_is_used_up_leaves_the_rest_to_the_next(crowded):
    queue, start, _front, behind = crowded

    with clock.at(start):
        assert list(queue.take(seconds=0)) == []
        assert behind in list(queue.take())


@pytest.mark.django_db(transaction=True)
def test_two_ticks_at_once_hand_out_each_row_once():
    events(CROWD)

    def tick(_):
        try:
            return list(inbox.WAITING.take())
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as threads:
        found = [pk for taken in threads.map(tick, range(4)) for pk in taken]

    assert len(found) == len(set(found))
    assert len(found) + len(list(inbox.WAITING.take())) == CROWD


def test_a_finder_that_fails_does_not_stop_the_others(low, monkeypatch):
    monkeypatch.setitem(sweeps.FINDERS, "events", lambda: iter([1 // 0]))
    AutoRecharge.objects.watch(wallet_ids=[low.pk], now=clock.now())

    with clock.at(clock.now() + timedelta(minutes=1)):
        assert sweeps.find_work() == [("wallets.recharge_wallet", (low.pk,))]


CANNOT = {
    "closed": lambda wallet: Account.objects.filter(pk=wallet.account_id).update(status="closed"),
    "no card": lambda wallet: Wallet.objects.filter(pk=wallet.pk).update(default_payment_method=""),
    "off": lambda wallet: set_auto_recharge(wallet, enabled=False),
    "suspended": lambda wallet: set_auto_recharge(
        wallet, suspended_at=clock.now(), suspended_reason="support"
    ),
    "blocked": lambda wallet: Wallet.objects.filter(pk=wallet.pk).update(
        blocked_at=clock.now(), blocked_reason="books"
    ),
    # Exactly at the threshold.
    "fine": lambda wallet: set_auto_recharge(wallet, threshold=8),
    "being charged": lambda wallet: auto_recharge.claim(wallet_id=wallet.pk),
}
CAN_AGAIN = {
    "closed": lambda wallet: Account.objects.filter(pk=wallet.account_id).update(status="active"),
    "no card": lambda wallet: Wallet.objects.filter(pk=wallet.pk).update(
        default_payment_method=wallet.default_payment_method
    ),
    "off": lambda wallet: set_auto_recharge(wallet, enabled=True),
    "suspended": lambda wallet: set_auto_recharge(wallet, suspended_at=None, suspended_reason=""),
    "blocked": lambda wallet: Wallet.objects.filter(pk=wallet.pk).update(
        blocked_at=None, blocked_reason=""
    ),
    "fine": lambda wallet: set_auto_recharge(wallet, threshold=10),
    "being charged": lambda wallet: Purchase.objects.filter(wallet=wallet).update(
        state="canceled", closed_at=clock.now()
    ),
}


@pytest.mark.parametrize("why", CANNOT)
def test_a_wallet_that_cannot_be_charged_leaves_the_list_and_comes_back(low, why):
    AutoRecharge.objects.watch(wallet_ids=[low.pk], now=clock.now())
    now = clock.now() + timedelta(minutes=1)

    with clock.at(now):
        CANNOT[why](low)
        assert list(auto_recharge.DUE.take()) == []
        assert auto_recharge.DUE.oldest_overdue() == timedelta(0)
        CAN_AGAIN[why](low)
        assert list(auto_recharge.DUE.take()) == [low.pk]


def test_a_promised_retry_comes_although_a_crowd_cannot_be_charged(stripe):
    """Closed accounts and cards that are gone stay due for ever."""
    start = clock.now()
    with clock.at(start - timedelta(hours=2)):
        wallets(CROWD, status="closed")
        wallets(CROWD)
    wallet = make_wallet(credit="8")
    add_card(stripe, wallet)
    set_auto_recharge(wallet, due_since=start)
    decline(stripe, wallet)
    with clock.at(start):
        assert run(wallet) == "charge"

    with clock.at(start + timedelta(minutes=59)):
        assert wallet.pk not in auto_recharge.DUE.take()
    with clock.at(start + timedelta(minutes=60)):
        assert wallet.pk in auto_recharge.DUE.take()


@pytest.mark.parametrize("default", [True, False])
def test_another_card_lifts_a_suspension_also_when_its_message_was_lost(stripe, default):
    wallet, other = make_wallet(credit="8"), make_wallet(credit="8")
    for one in (wallet, other):
        suspend_by_declining(stripe, one)
    card = add_card(stripe, wallet, OTHER_GOOD_CARD)
    with clock.at(clock.now() + timedelta(minutes=1)):
        assert list(suspensions.ANOTHER_CARD.take()) == []
    if default:
        keeping.make_default(account=wallet.account, card_id=card.id)
    else:
        set_auto_recharge(wallet, payment_method=card.id)

    with clock.at(clock.now() + timedelta(minutes=1)):
        found = sweeps.find_work()
        tasks.payment_method_changed(wallet.pk)

    assert ("wallets.payment_method_changed", (wallet.pk,)) in found
    assert ("wallets.payment_method_changed", (other.pk,)) not in found
    wallet.auto_recharge.refresh_from_db()
    assert wallet.auto_recharge.suspended_reason == ""
    assert credit(wallet) == 58


def test_a_new_need_is_looked_at_at_once_whatever_its_last_wait(low):
    AutoRecharge.objects.filter(wallet=low).update(look_at=clock.now() + timedelta(hours=1))

    AutoRecharge.objects.watch(wallet_ids=[low.pk], now=clock.now())

    assert list(auto_recharge.DUE.take()) == [low.pk]


def test_a_crowd_of_months_that_cannot_be_planned_does_not_stop_another(monkeypatch):
    with clock.at(moment("2026-11-14 09:00")):
        broken = {one.pk for one in allocations(CROWD)}
        [good] = allocations(1)
    plan, tried = planning.plan, []

    def plan_or_fail(*, locked):
        tried.append([one.allocation.pk for one in locked])
        if broken.intersection(tried[-1]):
            raise KeyError("a bug of ours")
        return plan(locked=locked)

    monkeypatch.setattr(planning, "plan", plan_or_fail)
    with clock.at(moment("2026-11-14 10:00")):
        [run_id] = planning.plan_due(now=clock.now())
        assert planning.plan_due(now=clock.now()) == []

    assert AllocationRun.objects.get(pk=run_id).allocation == good
    assert sum(len(ids) == 1 for ids in tried) == CROWD + 1
    with clock.at(moment("2026-11-14 10:05")):
        assert planning.plan_due(now=clock.now()) == []
    assert sum(len(ids) == 1 for ids in tried) == 2 * CROWD + 1


def test_planning_ends_with_its_time_and_goes_on_behind_what_it_has_seen(monkeypatch, stripe):
    worlds = [make_world(stripe)]
    worlds += [worlds[0].sibling(f"Sub {number}") for number in range(2)]
    with clock.at(moment("2026-11-14 09:00")):
        for world in worlds:
            world.save()
    with as_owner():
        AllocationRun.objects.all().delete()
    seconds = count(step=6)
    monkeypatch.setattr(planning.time, "monotonic", lambda: next(seconds))
    monkeypatch.setattr(limits, "PLAN_BITE", 1)

    with clock.at(moment("2026-11-14 10:00")):
        planned = [len(planning.plan_due(now=clock.now())) for _ in range(4)]

    assert planned == [1, 1, 1, 0]


def test_whose_turn_it_is_is_no_news_for_the_audit_log(low):
    from accounts.models import AuditEntry

    AutoRecharge.objects.watch(wallet_ids=[low.pk], now=clock.now())
    [allocation] = allocations(1)
    before = AuditEntry.objects.count()

    list(auto_recharge.DUE.take())
    AutoAllocation.objects.filter(pk=allocation.pk).update(look_at=clock.now())

    assert AuditEntry.objects.count() == before
    assert not Notification.objects.filter(account=low.account, kind="suspended").exists()
    assert low.credit.amount == Decimal(8)
