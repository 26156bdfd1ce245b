"""Buying, refunding, and planting errors behind the books' back, for tests of the books."""

from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

from django.db import connection

from accounts import clock
from tests.databases import as_owner
from wallets.books import checking
from wallets.recharges import by_hand
from wallets.reversals import refunds


def buy(wallet, amount, buys):
    return by_hand.recharge(
        wallet_id=wallet.pk, actor=None, amount=Decimal(amount), buys=buys, form_key=str(uuid4())
    )


def refund(purchase, cents):
    reversal = refunds.refund(
        purchase_id=purchase.pk,
        amount_cents=cents,
        actor=None,
        reason="Asked",
        form_key=str(uuid4()),
    )
    return refunds.drive_refund(reversal_id=reversal.pk)


def plant(sql, *, without=""):
    """Do it behind the back of triggers; `without` names a unique constraint or index to drop."""
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        if without:
            table, name = without.split(".")
            cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {name}")
            cursor.execute(f"DROP INDEX IF EXISTS {name}")
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(sql)
        assert cursor.rowcount != 0, "nothing was planted"
        cursor.execute("SET LOCAL session_replication_role = origin")


def later():
    return clock.at(clock.now() + timedelta(minutes=10))


def against_stripe():
    with later():
        return [
            (row.wallet_id, row.text)
            for row in checking.check_all(stripe=True)
            if row.rule == "I13"
        ]
