"""Two peers of the field: each writes the calls as Django does, and moves money its own way.

The calls' unique key is what charges each once. No look-ups, no minutes, no watch, no pause.
"""

import os
import random
from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from uuid import UUID

from django.apps import apps
from django.core.management import call_command
from django.db import connection, transaction

from accounts import clock
from accounts.runtime.ids import time_ordered_uuid
from benchmarks.sides.workload import Side
from benchmarks.sides.world import WALLETS
from campaigns.models import PLATFORM, Call, Campaign


class Peer(Side):
    """Its accounts are numbered like the wallets, and take a random amount for each call."""

    # Of the account that everybody pays to, and of those who pay.
    income: object
    holders: Sequence[object]

    def __init__(self) -> None:
        super().__init__()
        found = Campaign.objects.values_list("account_id", "pk")
        self._campaigns = {str(account): pk for account, pk in found}
        self.open_accounts()

    def open_accounts(self) -> None:
        raise NotImplementedError

    def move(self, moves: Sequence[tuple[object, Decimal]]) -> None:
        """Take these amounts from these holders."""
        raise NotImplementedError

    def batch(self, size: int) -> Callable[[], None]:
        name = time_ordered_uuid()
        calls, moves = [], []
        for i in range(sum(self.share(size))):
            number, cost = random.randint(1, WALLETS), Decimal(random.randint(1, 80)) / 100
            calls.append((self.report(f"{name}-{i}", number, 60), cost))
            moves.append((self.holders[number - 1], cost))
        return lambda: self._write_all(calls, moves, name)

    @transaction.atomic
    def _write_all(self, calls: list[tuple[dict, Decimal]], moves: list, batch: UUID) -> None:
        now = clock.now()
        Call.objects.bulk_create(self._call_row(one, cost, batch, now) for one, cost in calls)
        self.move(moves)

    def _call_row(self, one: dict, cost: Decimal, batch: UUID, now: datetime) -> Call:
        return Call(
            reporter=PLATFORM,
            external_id=one["id"],
            account_id=one["account"],
            campaign_id=self._campaigns[one["account"]],
            minute_type="premium",
            seconds=one["seconds"],
            ended_at=one["ended_at"],
            outcome=Call.Outcome.COMPLETED,
            included_seconds=0,
            premium_seconds=0,
            basic_seconds=0,
            cost=cost,
            batch=batch,
            created_at=now,
        )


class Hordak(Peer):
    """django-hordak: transactions and legs in bulk. What a balance is, it adds up when asked."""

    def open_accounts(self) -> None:
        call_command("migrate", "hordak", verbosity=0)
        self._account, self._transaction, self._leg = (
            apps.get_model("hordak", name) for name in ("Account", "Transaction", "Leg")
        )
        place = {"lft": 1, "rght": 2, "level": 0, "currencies": ["USD"]}
        made = self._account.objects.bulk_create(
            self._account(name=f"Bench {i}", type="LI", tree_id=i, **place)
            for i in range(WALLETS + 1)
        )
        self.income, *self.holders = [one.pk for one in made]

    def move(self, moves: Sequence[tuple[object, Decimal]]) -> None:
        made = self._transaction.objects.bulk_create(
            self._transaction(description="Calls") for _ in moves
        )
        legs = []
        for one, (holder, amount) in zip(made, moves, strict=True):
            money = {"transaction": one, "currency": "USD"}
            legs.append(self._leg(account_id=holder, debit=amount, **money))
            legs.append(self._leg(account_id=self.income, credit=amount, **money))
        self._leg.objects.bulk_create(legs)


class Pgledger(Peer):
    """pgledger: its function for many transfers, called once."""

    MOVE = """
    SELECT count(*) FROM pgledger_create_transfers(ARRAY(
        SELECT ROW(holder, %s, amount)::transfer_request
        FROM unnest(%s::text[], %s::numeric[]) AS moved (holder, amount)))
    """
    OPEN = """
    SELECT made.id FROM generate_series(0, %s) AS n,
        pgledger_create_account('Bench ' || n, 'USD') AS made ORDER BY n
    """

    def open_accounts(self) -> None:
        folder = Path(os.environ["PGLEDGER"])
        with connection.cursor() as cursor:
            for path in ("vendor/scoville-pgsql-ulid/uuid-to-ulid.sql", "pgledger.sql"):
                cursor.execute((folder / path).read_text())
            cursor.execute(self.OPEN, [WALLETS])
            self.income, *self.holders = [pk for (pk,) in cursor.fetchall()]

    def move(self, moves: Sequence[tuple[object, Decimal]]) -> None:
        holders, amounts = map(list, zip(*moves, strict=True))
        with connection.cursor() as cursor:
            cursor.execute(self.MOVE, [self.income, holders, amounts])
