"""What kills its process again and again is left alone, and stops nobody else."""

from datetime import timedelta

import pytest

from accounts import clock
from accounts.models import StaffAlert
from accounts.runtime import queues
from accounts.runtime.crash_points import Crash
from wallets import inbox, tasks
from wallets.allocations import planning, retries, runs
from wallets.charging import purchases
from wallets.models import AutoRecharge, StripeEvent, Wallet
from wallets.recharges import auto_recharge, low_balance, low_minutes
from wallets.reversals import refunds
from wallets.tests.test_sweeps import (
    due_recharges,
    due_runs,
    few_minutes,
    low_balances,
    open_purchases,
    open_refunds,
    untried_months,
)

pytestmark = pytest.mark.django_db

TASKS = {
    "recharge": (tasks.recharge_wallet, auto_recharge, "run", auto_recharge.DUE, due_recharges),
    "purchase": (tasks.drive_purchase, purchases, "drive", purchases.OPEN, open_purchases),
    "refund": (tasks.drive_refund, refunds, "drive_refund", refunds.WAITING, open_refunds),
    "low_balance": (tasks.tell_low_balance, low_balance, "tell", low_balance.UNTOLD, low_balances),
    "low_minutes": (tasks.tell_low_minutes, low_minutes, "tell", low_minutes.UNTOLD, few_minutes),
    "allocation": (tasks.run_allocation, runs, "charge_run", planning.DUE, due_runs),
    "month_untried": (tasks.revive_month, retries, "revive", retries.UNTRIED, untried_months),
}


class Work:
    """One task over rows of its kind; `happens` is what becomes of each try."""

    def __init__(self, kind, monkeypatch):
        self.task, module, name, self.queue, make = TASKS[kind]
        self.start = clock.now()
        with clock.at(self.start - timedelta(minutes=2)):
            self.key, self.other = make(2)
        self.tried, self.happens = [], lambda: None
        monkeypatch.setattr(module, name, self._work)

    def _work(self, **told):
        [key] = told.values()
        self.tried.append(key)
        if key == self.key:
            self.happens()

    def do(self, key, *, at=timedelta(0), times=1):
        """As workers would: each try that kills one ends here."""
        with clock.at(self.start + at):
            for _ in range(times):
                try:
                    self.task(key if isinstance(key, int) else str(key))
                except (Crash, KeyError):
                    pass

    def die(self):
        raise Crash

    def fail(self):
        raise KeyError("a bug of ours")


@pytest.fixture(params=TASKS)
def work(request, monkeypatch):
    return Work(request.param, monkeypatch)


def alerts():
    return list(StaffAlert.objects.filter(kind="killed_workers").values_list("text", flat=True))


def test_what_kills_ten_workers_in_a_row_is_left_alone_and_told(work):
    work.happens = work.die

    work.do(work.key, times=13)
    work.do(work.other)

    assert work.tried == [work.key] * queues.TRIES + [work.other]
    told = f"{work.queue.kind} {work.key} killed 10 workers, one after the other."
    assert alerts() == [told]
    with clock.at(work.start):
        assert list(work.queue.take()) == [work.other]


def test_after_a_day_it_is_tried_once_more(work):
    work.happens = work.die
    work.do(work.key, times=11)
    a_day = timedelta(days=1)
    with clock.at(work.start + a_day):
        assert work.key in list(work.queue.take())

    work.do(work.key, at=a_day, times=3)

    assert work.tried == [work.key] * 11
    assert len(alerts()) == 2


def test_a_try_that_ends_is_forgotten_also_when_it_fails(work):
    work.happens = work.die
    work.do(work.key, times=9)
    work.happens = work.fail
    work.do(work.key, times=12)
    work.happens = work.die

    work.do(work.key, times=10)

    assert work.tried == [work.key] * 31
    assert alerts() == []


def test_once_it_works_again_nothing_is_left_of_its_rest(work):
    work.happens = work.die
    work.do(work.key, times=11)
    work.happens = lambda: None

    work.do(work.key, at=timedelta(days=1))

    row = work.queue.rows(clock.now()).model.objects.get(**{work.queue.key: work.key})
    kept = (getattr(row, work.queue.tries), getattr(row, work.queue.rests_until))
    assert kept == (0, None)


@pytest.fixture
def deadly_notice(monkeypatch):
    """The notice of a low balance kills whoever tells it: call with a wallet."""

    def die(**_told):
        raise Crash

    def tell(wallet):
        for _ in range(queues.TRIES + 1):
            try:
                tasks.tell_low_balance(wallet.pk)
            except Crash:
                pass

    monkeypatch.setattr(low_balance, "tell", die)
    return tell


def test_a_notice_that_kills_workers_stops_no_payment(deadly_notice, low):
    deadly_notice(low)

    tasks.recharge_wallet(low.pk)

    assert low.purchases.get().state == "succeeded"


def test_a_notice_that_kills_workers_stops_no_other_notice(deadly_notice):
    [wallet_id] = few_minutes(1)
    AutoRecharge.objects.update(low_since=clock.now())
    low_balance.UNTOLD.claim()
    deadly_notice(Wallet.objects.get(pk=wallet_id))

    assert low_minutes.UNTOLD.claim() == [wallet_id]
    tasks.tell_low_minutes(wallet_id)
    assert AutoRecharge.objects.get().minutes_low_since is None


def test_an_event_whose_handler_kills_its_process_is_given_up_after_ten_tries(monkeypatch):
    now = clock.now()
    with clock.at(now):
        killer, good = (
            StripeEvent.objects.create(event_id=f"evt_{kind}", type=kind, payload={})
            for kind in ("payment_intent.succeeded", "invoice.paid")
        )
    tried = []

    def die(found):
        tried.append(found)
        raise Crash

    monkeypatch.setattr(inbox, "_ACTIONS", (("payment_intent.", die),))
    for hour in range(30):
        with clock.at(now + timedelta(hours=3 * hour)):
            for pk in inbox.WAITING.take():
                try:
                    inbox.apply(event_pk=pk)
                except Crash:
                    pass

    killer.refresh_from_db()
    good.refresh_from_db()
    assert len(tried) == 10
    assert killer.given_up_at == now + timedelta(hours=30)
    assert killer.error == "each try killed its worker."
    assert StaffAlert.objects.filter(kind="event_given_up").count() == 1
    assert good.applied_at == now
    assert list(inbox.WAITING.take()) == []
