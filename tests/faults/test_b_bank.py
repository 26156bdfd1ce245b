"""The bank test: many threads move money while a nemesis takes their parts away.

THINKRR_BANK_SECONDS sets how long; `make faults` plays it for a minute. Ten minutes alone:
THINKRR_BANK_SECONDS=600 make faults ARGS="-k f34"
"""

import os
import random
import threading
import time
from collections.abc import Callable
from decimal import Decimal

import pytest
from django.db import DatabaseError, connection

from accounts.errors import AccountError
from accounts.tests.builders import make_agency, make_sub_account
from campaigns import calls, resuming
from campaigns.models import Campaign
from campaigns.tests.builders import make_campaign, make_report
from tests.faults.harness import Plant, come_to_rest
from tests.faults.people import low_balance, taken
from wallets import limits, sweeps
from wallets.allocations import configure, runs
from wallets.balances.opening import open_wallet
from wallets.books import checking
from wallets.charging import purchases
from wallets.models import AllocationRun, Purchase, Wallet
from wallets.recharges import by_hand
from wallets.reversals import refunds
from wallets.stripe import answers
from wallets.tests.worlds.builders import add_card

pytestmark = [pytest.mark.faults, pytest.mark.redis]

SECONDS = float(os.environ.get("THINKRR_BANK_SECONDS", "60"))
THREADS = 16
# Of the agency, each with a month that is due; their runs are charged once, whoever comes first.
SUB_ACCOUNTS = 30

# What may be broken for a moment while events and sweeps are on their way.
AT_REST = {"I8", "I9", "I12"}


class Bank:
    """Threads that act until told to stop; what they must never see ends the test."""

    def __init__(self, plant: Plant, wallets: list[Wallet]) -> None:
        self.plant, self.wallets = plant, wallets
        self.over = threading.Event()
        self.wrong: list[str] = []
        self.done: dict[str, int] = {}
        self.acts: list[Callable[[random.Random], object]] = [
            self.report_calls,
            self.report_calls,
            self.recharge,
            self.refund,
            self.allocate,
            self.resume,
            self.sweep,
            self.read,
        ]

    def run(self, number: int) -> None:
        rng = random.Random(number)
        while not self.over.is_set():
            act = rng.choice(self.acts)
            try:
                act(rng)
                self.done[act.__name__] = self.done.get(act.__name__, 0) + 1
            except (AccountError, answers.GatewayError):
                pass  # Refused, or nothing definite: an answer.
            except DatabaseError:
                # PostgreSQL went away under us; what was not committed did not happen.
                connection.close()
                self.over.wait(0.2)
        connection.close()

    def report_calls(self, rng: random.Random) -> None:
        wallet = rng.choice(self.wallets)
        reports = [
            make_report(
                wallet.account_id,
                id=f"bank-{rng.randrange(400)}",
                seconds=120,
                **rng.choice(({"minute_type": "premium"}, {"campaign": f"bank-{wallet.pk}"})),
            )
            for _ in range(rng.randint(1, 5))
        ]
        calls.record(reports=reports, reporter=None)

    def recharge(self, rng: random.Random) -> None:
        by_hand.recharge(
            wallet_id=rng.choice(self.wallets).pk,
            actor=None,
            amount=Decimal(rng.choice((5, 20))),
            buys=rng.choice(("credit", "premium")),
            form_key=f"bank-{rng.randrange(60)}",
        )

    def refund(self, rng: random.Random) -> None:
        paid = list(Purchase.objects.filter(state="succeeded").order_by("pk")[:20])
        if paid:
            refunds.refund(
                purchase_id=rng.choice(paid).pk,
                amount_cents=rng.choice((1, 100)),
                actor=None,
                reason="bank test",
                form_key=f"bank-{rng.randrange(40)}",
            )

    def allocate(self, rng: random.Random) -> None:
        if run_ids := list(
            AllocationRun.objects.exclude(state="paid").values_list("pk", flat=True)
        ):
            runs.charge_run(run_id=rng.choice(run_ids))

    def resume(self, rng: random.Random) -> None:
        wallet = rng.choice(self.wallets)
        mine = Campaign.objects.filter(account=wallet.account).values_list("pk", flat=True)
        resuming.resume(campaign_ids=list(mine), account=wallet.account, actor=None)

    def sweep(self, *_: object) -> None:
        for name, arguments in sweeps.find_work():
            self.plant.send(name, *arguments)
        for purchase in Purchase.objects.open():
            purchases.drive(purchase_id=purchase.pk)

    def read(self, *_: object) -> None:
        broken = [row for row in checking.check_all() if row.rule not in AT_REST]
        if broken:
            self.wrong += map(str, broken)
            self.over.set()


def nemesis(plant: Plant, bank: Bank, rng: random.Random) -> None:
    """One part after another is killed, hangs or is emptied, and comes back."""
    worker = plant.worker("bank")
    worker.start(solo=False)
    while not bank.over.wait(rng.uniform(1, 3)):
        match rng.choice(("worker", "flush", "hang", "postgres")):
            case "worker":
                worker.kill()
                worker.start(solo=False)
            case "flush":
                plant.redis.client.flushall()
            case "hang":
                plant.redis.freeze()
                bank.over.wait(1)
                plant.redis.thaw()
            case "postgres":
                plant.postgres.restart()


def test_f34_the_bank_keeps_its_books_while_its_parts_die(plant, stripe, monkeypatch):
    # Sixteen threads pay faster than any person, which the alarm I15 is about.
    monkeypatch.setattr(limits, "INTENTS_PER_MINUTE", 10_000)
    wallets = [low_balance(stripe, credit="20") for _ in range(4)]
    for wallet in wallets:
        make_campaign(wallet.account, external_id=f"bank-{wallet.pk}")
    agency = make_agency()
    card = add_card(stripe, open_wallet(account=agency))
    agency.refresh_from_db()
    for number in range(SUB_ACCOUNTS):
        configure.save(
            account=make_sub_account(f"Sub {number}", agency=agency),
            agency=agency,
            actor=None,
            basic_minutes=0,
            premium_minutes=100,
            payment_method=card.id,
        )
    bank = Bank(plant, wallets)
    threads = [threading.Thread(target=bank.run, args=[number]) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    deadline = threading.Timer(SECONDS, bank.over.set)
    deadline.start()
    try:
        nemesis(plant, bank, random.Random(1))
    finally:
        bank.over.set()
        for thread in threads:
            thread.join(60)
        plant.redis.thaw()
    plant.stop_apps()
    connection.close()

    assert bank.wrong == []
    started = time.monotonic()
    come_to_rest(stripe)
    assert time.monotonic() - started < 120
    assert taken(stripe)
    # The control: each kind of act did succeed now and then.
    assert set(bank.done) >= {"report_calls", "recharge", "allocate", "resume", "read"}
    assert set(AllocationRun.objects.values_list("state", flat=True)) == {"paid"}
    assert taken(stripe).count(1600) == SUB_ACCOUNTS
