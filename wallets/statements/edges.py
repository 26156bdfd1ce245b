"""Where days and months begin among a wallet's entries, and what its pots held there: the one cut
of statements and of files.

Entries are ordered by their number. Hosts' clocks may have disagreed, so an entry never stands
earlier than one before it: a day begins with the first entry whose moment is not before it. So an
entry is in one of two periods that follow each other, and one opens with what the other closed
with.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from django.db import connection

from wallets.limits import CLOCKS_APART
from wallets.models import Pot

# After every entry: no number is as large.
NO_ENTRY = 2**63 - 1
# So many entries of a wallet are read at once to find the newest of each of its pots.
NEAR = 500

# The first by its moment, and the least number of those that a clock may have dated too late.
# Asked for the least number as it is, PostgreSQL would look through everybody's entries.
FIRST_FROM = """
SELECT near.id
FROM unnest(%(wallets)s::bigint[], %(moments)s::timestamptz[])
    WITH ORDINALITY AS w (id, moment, place)
LEFT JOIN LATERAL (
    SELECT e.created_at FROM wallets_ledgerentry AS e
    WHERE e.wallet_id = ANY (ARRAY[w.id]) AND e.created_at >= w.moment
    ORDER BY e.wallet_id, e.created_at, e.id LIMIT 1) AS dated ON TRUE
LEFT JOIN LATERAL (
    SELECT min(e.id + 0) AS id FROM wallets_ledgerentry AS e
    WHERE e.wallet_id = w.id AND e.created_at >= dated.created_at
      AND e.created_at <= dated.created_at + %(apart)s::interval) AS near ON TRUE
ORDER BY w.place
"""


def first_from(moments: Sequence[tuple[int, datetime]]) -> list[int]:
    """For each wallet and moment the number of its first entry from then on, in the same order;
    NO_ENTRY where there is none yet. One query.
    """
    asked = {
        "wallets": [wallet for wallet, _ in moments],
        "moments": [moment for _, moment in moments],
        "apart": CLOCKS_APART,
    }
    with connection.cursor() as cursor:
        cursor.execute(FIRST_FROM, asked)
        return [NO_ENTRY if number is None else number for (number,) in cursor.fetchall()]


# Read from the index by wallet and number, and no further than NEAR, whatever PostgreSQL expects of
# a wallet. Of `wallet_id = w.id` alone the order by number would do, and it looks through
# everybody's entries; a LIMIT it sees is more than it expects of most, and it sorts all there are.
HELD_BEFORE = """
SELECT w.place - 1, held.*
FROM unnest(%(wallets)s::bigint[], %(numbers)s::bigint[]) WITH ORDINALITY AS w (id, number, place)
CROSS JOIN LATERAL (
    WITH latest AS MATERIALIZED (
        SELECT e.id, e.pot, e.balance_after FROM wallets_ledgerentry AS e
        WHERE e.wallet_id = ANY (ARRAY[w.id]) AND e.id < w.number
        ORDER BY e.wallet_id, e.id DESC LIMIT (SELECT %(near)s))
    SELECT DISTINCT ON (pot) pot, balance_after, (SELECT count(*) FROM latest)
    FROM latest ORDER BY pot, id DESC) AS held
"""
# Each pot stands in it as a word: of a pot that few entries have, PostgreSQL then reads those few.
LATEST_OF_A_POT = """
SELECT %s::int, %s, (SELECT balance_after FROM wallets_ledgerentry
                     WHERE wallet_id = ANY (ARRAY[%s]) AND pot = %s AND id < %s
                     ORDER BY wallet_id, id DESC LIMIT 1)
"""

# What pots held: dollars of credit, seconds.
Held = dict[Pot, Decimal]


def held_before(numbers: Sequence[tuple[int, int]]) -> list[Held]:
    """For each wallet and number what its pots held before that entry, in the same order, without
    those that no entry had moved. At most two queries, whatever the number of entries.
    """
    asked = {
        "wallets": [wallet for wallet, _ in numbers],
        "numbers": [number for _, number in numbers],
        "near": NEAR,
    }
    found: list[Held] = [{} for _ in numbers]
    full = set()
    with connection.cursor() as cursor:
        cursor.execute(HELD_BEFORE, asked)
        for place, pot, amount, read in cursor.fetchall():
            found[place][Pot(pot)] = amount
            if read == NEAR:
                full.add(place)
    _add_far(found, [(place, *numbers[place]) for place in sorted(full)])
    return found


def _add_far(found: list[Held], places: Sequence[tuple[int, int, int]]) -> None:
    """Add what pots held that none of the newest entries moved."""
    values = [
        (place, str(pot), wallet, str(pot), number)
        for place, wallet, number in places
        for pot in Pot
        if pot not in found[place]
    ]
    if not values:
        return
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(LATEST_OF_A_POT for _ in values), sum(values, ()))
        for place, pot, amount in cursor.fetchall():
            if amount is not None:
                found[place][Pot(pot)] = amount
