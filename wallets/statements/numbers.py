"""Which entries a range of days is, by their numbers, and what each pot held before one of them.

A day begins with the first entry, by number, whose moment is not before it.
"""

from collections.abc import Collection
from datetime import datetime
from decimal import Decimal

from django.db import connection
from django.db.models import F, Min

from wallets.limits import CLOCKS_APART
from wallets.models import LedgerEntry, Pot

# After every entry: no number is as large.
NO_ENTRY = 2**63 - 1

# So many entries of a wallet are read at once to find the newest of each of its pots.
NEAR = 500

LATEST = """
WITH latest AS MATERIALIZED (
    SELECT id, pot, balance_after FROM wallets_ledgerentry
    WHERE wallet_id = %s AND id < %s ORDER BY id DESC LIMIT %s)
SELECT DISTINCT ON (pot) pot, balance_after, (SELECT count(*) FROM latest)
FROM latest ORDER BY pot, id DESC
"""
# Each pot stands in it as a word: of a pot that few entries have, PostgreSQL then reads those few.
LATEST_OF_A_POT = """
SELECT %s, (SELECT balance_after FROM wallets_ledgerentry
            WHERE wallet_id = %s AND pot = %s AND id < %s ORDER BY id DESC LIMIT 1)
"""


def first_from(*, wallet_id: int, moment: datetime) -> int:
    """The number of the first entry dated from this moment on; `NO_ENTRY` when there is none."""
    later = LedgerEntry.objects.filter(wallet=wallet_id, created_at__gte=moment)
    dated = later.order_by("created_at", "pk").values_list("created_at", flat=True).first()
    if dated is None:
        return NO_ENTRY
    near = later.filter(created_at__lte=dated + CLOCKS_APART).order_by()
    # Asked for the least number as it is, PostgreSQL would look through everybody's entries.
    return near.aggregate(first=Min(F("pk") + 0))["first"]


def held_before(*, wallet_id: int, number: int) -> dict[Pot, Decimal]:
    """What the wallet's pots held before this entry: dollars, seconds. Without those that had none.

    At most two queries, whatever the number of entries.
    """
    with connection.cursor() as cursor:
        cursor.execute(LATEST, [wallet_id, number, NEAR])
        rows = cursor.fetchall()
    held = {Pot(pot): amount for pot, amount, _ in rows}
    if rows and rows[0][2] == NEAR:
        held |= _far(wallet_id, number, [pot for pot in Pot if pot not in held])
    return held


def _far(wallet_id: int, number: int, pots: Collection[Pot]) -> dict[Pot, Decimal]:
    if not pots:
        return {}
    values = [value for pot in pots for value in (str(pot), wallet_id, str(pot), number)]
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(LATEST_OF_A_POT for _ in pots), values)
        return {Pot(pot): amount for pot, amount in cursor.fetchall() if amount is not None}
