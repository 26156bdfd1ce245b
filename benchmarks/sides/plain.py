"""Plain Django, as one writes it first: lock, create, save.

Without the triggers that move balances, without looking up what is known, and every call paid by
credit: it does less than it should.
"""

import random
from collections.abc import Callable
from decimal import Decimal
from uuid import UUID

from django.db import connection, models, transaction

from accounts import clock
from accounts.runtime.ids import time_ordered_uuid
from benchmarks.sides.workload import Side
from benchmarks.sides.world import WALLETS
from campaigns.models import PLATFORM, Call, Campaign
from wallets.models import LedgerEntry, Wallet

RATE = Decimal("0.16")
GUARDS = """
DROP TRIGGER IF EXISTS wallets_entries_move_balances ON wallets_ledgerentry;
DROP TRIGGER IF EXISTS wallets_never_by_hand ON wallets_wallet;
"""


class Plain(Side):
    def __init__(self) -> None:
        super().__init__()
        with connection.cursor() as cursor:
            cursor.execute(GUARDS)
        found = Campaign.objects.values_list("account_id", "pk")
        self._campaigns = {str(account): pk for account, pk in found}

    def batch(self, size: int) -> Callable[[], None]:
        name = time_ordered_uuid()
        reports = [
            self.report(f"{name}-{i}", random.randint(1, WALLETS), random.randint(10, 309))
            for i in range(sum(self.share(size)))
        ]
        return lambda: self._write_all(reports, name)

    def hot(self) -> Callable[[], None]:
        report = self.hot_report()
        return lambda: self._write_all([report], time_ordered_uuid())

    @transaction.atomic
    def _write_all(self, reports: list[dict], batch: UUID) -> None:
        for report in reports:
            self._write(report, batch)

    def _write(self, report: dict, batch: UUID) -> None:
        wallet = Wallet.objects.select_for_update(no_key=True).get(account=report["account"])
        cost = (RATE * report["seconds"] / 60).quantize(Decimal("0.000001"))
        now = clock.now()
        Call.objects.create(
            reporter=PLATFORM,
            external_id=report["id"],
            account_id=report["account"],
            campaign_id=self._campaigns[report["account"]],
            minute_type="premium",
            seconds=report["seconds"],
            ended_at=report["ended_at"],
            outcome=Call.Outcome.COMPLETED,
            included_seconds=0,
            premium_seconds=0,
            basic_seconds=0,
            cost=cost,
            batch=batch,
            created_at=now,
        )
        wallet.credit.amount -= cost
        LedgerEntry.objects.create(
            wallet=wallet,
            pot="credit",
            amount=-cost,
            balance_after=wallet.credit.amount,
            kind=LedgerEntry.Kind.CALLS,
            key=f"calls:{report['id']}",
            occurred_at=now,
            created_at=now,
        )
        # Past `Wallet.save`, which never writes a balance.
        models.Model.save(wallet, update_fields=["credit"])
