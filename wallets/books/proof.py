"""What proves the balances of one wallet while somebody looks at it, however many its entries.

The books prove all of it every hour; this reads a bounded number of rows.
"""

from dataclasses import dataclass
from decimal import Decimal

from django.db import connection

from wallets.models import Pot, Wallet

# A pot of more entries than this is proven by its newest one: each leaves what its pot then held,
# which the database checked when it was written.
SUMMED = 2_000

PROOF = """
SELECT p.pot, few.entries, few.total, newest.balance_after
FROM unnest(%(pots)s::text[]) AS p (pot)
CROSS JOIN LATERAL (
    SELECT count(*) AS entries, COALESCE(SUM(amount), 0) AS total
    FROM (SELECT amount FROM wallets_ledgerentry
          WHERE wallet_id = %(wallet)s AND pot = p.pot ORDER BY key LIMIT (SELECT %(most)s + 1)) e
) few
LEFT JOIN LATERAL (
    SELECT balance_after
    FROM (SELECT id, pot, balance_after FROM wallets_ledgerentry
          WHERE wallet_id = ANY (ARRAY[%(wallet)s])
          ORDER BY wallet_id, id DESC LIMIT (SELECT %(most)s)) e
    WHERE e.pot = p.pot AND few.entries > %(most)s
    ORDER BY id DESC LIMIT 1
) newest ON true
"""


@dataclass(frozen=True)
class Proof:
    """A pot as it is kept, and what its entries say. `said` is None when they are too many."""

    pot: Pot
    held: Decimal
    said: Decimal | None
    by_sum: bool

    @property
    def holds(self) -> bool:
        return self.said == self.held


def of(wallet: Wallet) -> list[Proof]:
    """Every pot of the wallet with its proof. Dollars of credit, seconds of minutes."""
    held = {Pot(pot): Decimal(amount) for pot, amount in wallet.pots.items()}
    with connection.cursor() as cursor:
        cursor.execute(
            PROOF, {"pots": [str(pot) for pot in held], "wallet": wallet.pk, "most": SUMMED}
        )
        found = {pot: rest for pot, *rest in cursor.fetchall()}
    return [_proof(pot, amount, *found[pot]) for pot, amount in held.items()]


def _proof(pot: Pot, held: Decimal, entries: int, total: Decimal, newest: Decimal | None) -> Proof:
    by_sum = entries <= SUMMED
    return Proof(pot=pot, held=held, said=total if by_sum else newest, by_sum=by_sum)
