"""The story of money in one cell, told by the functions that doors call."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

from django.db import DatabaseError, connection, transaction
from django.db.models import Sum
from django.test import Client, RequestFactory

from accounts import clock
from accounts.audit import requests
from accounts.cells.place import inside, schema_of
from accounts.models import Account, AuditEntry
from accounts.people import api_keys
from accounts.tests.builders import make_user
from campaigns import calls, usage_days
from campaigns.models import Call, Campaign, UsageDay
from campaigns.tests.builders import make_campaign, make_report
from tests.cells.nodes import Nodes
from tests.cells.playing import insist
from thinkrr_billing.sandbox.stripe.process import StripeSandbox
from wallets.books import checking
from wallets.models import LedgerEntry, Wallet
from wallets.recharges import auto_recharge
from wallets.reversals import disputes
from wallets.tests.worlds.allocation_world import make_world
from wallets.tests.worlds.builders import add_card, make_wallet, set_auto_recharge
from wallets.tests.worlds.reversal_world import buy, dispute, drive, refund

WALLETS, BATCH, SENDERS = 100, 1_000, 4
# Statements that a guard refuses, each by the words of its refusal.
REFUSED = {
    "UPDATE wallets_wallet SET credit = credit + 1": "balances are moved by entries only",
    "DELETE FROM wallets_wallet": "stay and keep their keys",
    "TRUNCATE wallets_ledgerentry": "is append-only",
    "DELETE FROM wallets_ledgerentry": "is append-only",
    "UPDATE campaigns_call SET seconds = 1": "calls are facts",
    "UPDATE wallets_purchase SET amount = amount + 1": "",
    "DELETE FROM accounts_auditentry": "never changed",
    "INSERT INTO wallets_ledgerentry (wallet_id, pot, amount, balance_after, kind, key, note,"
    " occurred_at, created_at) SELECT max(id), 'credit', 1, 1000000, 'adjustment',"
    " 'adjustment:wrong', '', now(), now() FROM wallets_wallet": "does not leave",
    "INSERT INTO wallets_ledgerentry (wallet_id, pot, amount, balance_after, kind, key, note,"
    " occurred_at, created_at) VALUES (0, 'credit', 1, 1, 'adjustment', 'adjustment:nobody', '',"
    " now(), now())": "which is not there",
}


class Story:
    """Its steps are played within the cell."""

    def __init__(self, nodes: Nodes, stripe: StripeSandbox, cell: str) -> None:
        self.nodes = nodes
        self.stripe = stripe
        self.cell = cell

    def steps(self) -> list[Callable[[], str | None]]:
        return [
            self.wallets_and_campaigns_are_opened,
            self.a_batch_is_charged_once,
            self.senders_who_share_wallets_lose_nothing,
            self.a_single_call_is_charged_through_the_api,
            self.campaigns_pause_when_nobody_pays,
            self.a_recharge_by_hand_is_paid_and_credited,
            self.auto_recharge_charges_once,
            self.a_month_is_allocated_and_paid,
            self.a_refund_and_a_dispute_take_back,
            self.ended_days_are_kept_and_taken_back,
            self.a_change_is_audited_with_its_request,
            self.guards_refuse,
            self.the_books_are_in_order,
        ]

    def wallets_and_campaigns_are_opened(self) -> None:
        self.wallets = [make_wallet(credit="1000") for _ in range(WALLETS)]
        self.campaigns = [make_campaign(wallet.account) for wallet in self.wallets]
        _, self.token = api_keys.create(account=None, name="Trial", scopes=["calls"])

    def reports(self, size: int = BATCH, seconds: int = 60) -> list:
        return [
            make_report(campaign.account, campaign=campaign, seconds=seconds, id=str(uuid4()))
            for campaign in (self.campaigns * (size // WALLETS + 1))[:size]
        ]

    def a_batch_is_charged_once(self) -> str:
        batch = self.reports()
        first, second = (calls.record(reports=batch, reporter=None) for _ in range(2))
        insist({one.status for one in first} == {"charged"}, f"{first[:2]}")
        insist({one.status for one in second} == {"duplicate"}, f"{second[:2]}")
        insist(Call.objects.count() == BATCH, "calls are missing, or there twice")
        return self.in_step()

    def senders_who_share_wallets_lose_nothing(self) -> str:
        before = Call.objects.count()
        batches = [self.reports() for _ in range(SENDERS * 2)]
        with ThreadPoolExecutor(SENDERS) as pool:
            answers = list(pool.map(self._recorded, batches))
        insist(all(one.status == "charged" for answer in answers for one in answer), "refused")
        insist(Call.objects.count() == before + BATCH * len(batches), "calls are missing")
        return self.in_step()

    def a_single_call_is_charged_through_the_api(self) -> None:
        insist((found := self.post(str(uuid4()))) == "charged", f"it is {found}")

    def post(self, id: str) -> str:
        """What becomes of a call of the first account, why not, or the status of the answer."""
        facts = {
            "id": id,
            "account": str(self.wallets[0].account_id),
            "campaign": self.campaigns[0].external_id,
            "seconds": 60,
            "ended_at": clock.now().isoformat(),
            "outcome": "completed",
        }
        with inside(""):
            answer = Client(raise_request_exception=False).post(
                "/api/v1/calls",
                json.dumps({"calls": [facts]}),
                content_type="application/json",
                headers={"Authorization": f"Bearer {self.token}"},
            )
        if answer.status_code != 200:
            return str(answer.status_code)
        (told,) = answer.json()["results"]
        return told["error"]["code"] if told["status"] == "rejected" else told["status"]

    def campaigns_pause_when_nobody_pays(self) -> None:
        wallet = make_wallet(credit="0.20")
        campaign = make_campaign(wallet.account)
        calls.record(reports=[make_report(wallet.account, campaign=campaign)], reporter=None)
        campaign.refresh_from_db()
        insist(campaign.pause_reason == "low_balance", f"it is {campaign.status}")

    def a_recharge_by_hand_is_paid_and_credited(self) -> None:
        self.payer = make_wallet()
        add_card(self.stripe, self.payer)
        self.purchase = buy(self.payer, 50)
        insist(_credit(self.payer) == 50, f"credit is {_credit(self.payer)}")

    def auto_recharge_charges_once(self) -> None:
        wallet = make_wallet(credit="8")
        add_card(self.stripe, wallet)
        set_auto_recharge(wallet, threshold=10, amount=50)
        with ThreadPoolExecutor(SENDERS) as pool:
            list(pool.map(self._recharged, [wallet] * SENDERS))
        insist(_credit(wallet) == 58, f"credit is {_credit(wallet)}")

    def a_month_is_allocated_and_paid(self) -> None:
        world = make_world(self.stripe)
        today = clock.now().date()
        with clock.at(clock.now()):
            world.save(basic=500, premium=1000)
        codes = world.run_at(f"{today + timedelta(days=1)} 00:01")
        insist(world.minutes == (500, 1000), f"{world.minutes}, {codes}, {world.runs}")

    def a_refund_and_a_dispute_take_back(self) -> None:
        back = drive(refund(self.purchase, 2000))
        insist(_credit(self.payer) == 30, f"{back}: credit is {_credit(self.payer)}")
        other = buy(self.payer, 60)
        disputes.apply_dispute(dispute_id=dispute(self.stripe, other))
        insist(_credit(self.payer) == 30, f"after a dispute credit is {_credit(self.payer)}")

    def ended_days_are_kept_and_taken_back(self) -> None:
        account, then = self.wallets[0].account, clock.now() - timedelta(days=3)
        report = make_report(account, campaign=self.campaigns[0], ended_at=then, id=str(uuid4()))
        with clock.at(then + timedelta(minutes=1)):
            calls.record(reports=[report], reporter=None)
        usage_days.keep(account=account, today=account.local_date(clock.now()))
        days = UsageDay.objects.filter(account=account)
        insist(sum(day.calls for day in days) == 1, "the day is not kept")
        late = make_report(account, campaign=self.campaigns[0], ended_at=then, id=str(uuid4()))
        with transaction.atomic():
            calls.record(reports=[late], reporter=None)
            locked = usage_days.LOCK.replace("pg_", "pg_try_")
            ((free,),) = self.nodes.sql(locked, account.pk, path=schema_of(self.cell))
            insist(not free, "days may be kept while a late call is on its way")
        insist(not days.all().exists(), "the day is not taken back")

    def a_change_is_audited_with_its_request(self) -> None:
        request = RequestFactory().get("/")
        request.user, request.id = make_user(f"{uuid4()}@example.com"), "trial"
        with requests.of(request):
            Account.objects.filter(pk=self.wallets[0].account_id).update(name="Renamed")
        entry = AuditEntry.objects.filter(account_id=self.wallets[0].account_id).latest("pk")
        insist(entry.table == "accounts_account", f"the table is called {entry.table}")
        insist(entry.request_id == "trial", "nobody is named")

    def guards_refuse(self) -> str:
        for statement, words in REFUSED.items():
            try:
                with transaction.atomic(), connection.cursor() as cursor:
                    cursor.execute(statement)
            except DatabaseError as error:
                insist(words in str(error), f"{statement}: {error}")
            else:
                insist(False, f"not refused: {statement}")
        return f"{len(REFUSED)} statements"

    def the_books_are_in_order(self) -> str:
        # No worker runs here, so that what is due waits for longer than I8 allows.
        broken = [str(one) for one in checking.check_all() if one.rule != "I8"]
        insist(not broken, f"{broken[:3]}")
        return f"{LedgerEntry.objects.count()} entries"

    def in_step(self) -> str:
        """Balances are what entries say, and calls cost what entries took."""
        held = Wallet.objects.aggregate(all=Sum("credit"))["all"]
        posted = LedgerEntry.objects.filter(pot="credit").aggregate(all=Sum("amount"))["all"]
        insist(held == posted, f"wallets hold {held}, entries say {posted}")
        taken = LedgerEntry.objects.filter(kind="calls").aggregate(all=Sum("amount"))["all"]
        cost = Call.objects.aggregate(all=Sum("cost"))["all"]
        insist(cost == -taken, f"calls cost {cost}, entries took {-taken}")
        return f"{Call.objects.count()} calls, {Campaign.objects.count()} campaigns"

    def _recorded(self, batch: list) -> list:
        try:
            with inside(self.cell):
                return calls.record(reports=batch, reporter=None)
        finally:
            connection.close()

    def _recharged(self, wallet: Wallet) -> str:
        try:
            with inside(self.cell):
                return auto_recharge.run(wallet_id=wallet.pk).code
        finally:
            connection.close()


def _credit(wallet: Wallet) -> Decimal:
    return Wallet.objects.get(pk=wallet.pk).credit.amount
