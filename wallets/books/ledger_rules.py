"""The rules that read the whole ledger: what pots hold, and what purchases brought.

Each over everything, in as few passes as there are; and over what was written lately, by indexes.
"""

from wallets.books.register import rule

# What minutes cost at the purchase's frozen rates, rounded as `amounts.price_of_seconds` does.
VALUE = """
    CASE e.pot WHEN 'credit' THEN e.amount
               WHEN 'premium' THEN round(e.amount * p.premium_rate / 60, 6)
               WHEN 'basic' THEN round(e.amount * p.basic_rate / 60, 6) END
"""

# The key alone would do, but not where a view stands for the table, as while an agency moves to
# another cell. Over the table PostgreSQL leaves the others out.
PURCHASE = """p.id, p.wallet_id, p.amount_cents, p.purpose, p.buys, p.premium_minutes,
            p.basic_minutes, p.premium_rate, p.basic_rate"""

BOUGHT = "e.kind IN ('recharge', 'auto_recharge', 'allocation')"


# A wallet's entries of one pot are a chain. One number names it: a number is sorted more cheaply
# than a number and a text. Ids of wallets, those of every cell, stay below 2 ** 52: a larger one
# would be an error, never another's.
CHAIN = "wallet_id * 2048 + (hashtext(pot) & 2047)"

# What every wallet holds, pot by pot.
HELD = """
    SELECT w.id AS wallet_id, p.pot, p.held FROM wallets_wallet w
    CROSS JOIN LATERAL (VALUES ('credit', w.credit), ('premium', w.premium_seconds::numeric),
                               ('basic', w.basic_seconds::numeric),
                               ('included', w.included_seconds::numeric)) AS p (pot, held)
"""


def _pots(entries: str, mismatch: str) -> str:
    """A pot that holds what its last entry left, and whose entries chain without a gap from zero,
    holds their sum: only those of the others are added up."""
    return f"""
        WITH entries AS MATERIALIZED (
            SELECT * FROM ({entries}) e WHERE balance_after <> before + amount OR place = 1),
        gaps AS (SELECT * FROM entries WHERE balance_after <> before + amount),
        last AS (SELECT wallet_id, pot, balance_after FROM entries WHERE place = 1),
        suspects AS (SELECT wallet_id, pot FROM gaps UNION {mismatch})
        SELECT wallet_id, text FROM (
        SELECT wallet_id, 0 AS id,
               pot || ' holds ' || held || ', its entries sum to ' || total AS text
        FROM suspects JOIN LATERAL (
            SELECT held FROM ({HELD}) h
            WHERE h.wallet_id = suspects.wallet_id AND h.pot = suspects.pot OFFSET 0) h ON true
        CROSS JOIN LATERAL (
            SELECT COALESCE(SUM(amount), 0) AS total FROM wallets_ledgerentry e
            WHERE e.wallet_id = suspects.wallet_id AND e.pot = suspects.pot OFFSET 0) e
        WHERE held <> total
        UNION ALL
        SELECT wallet_id, id, 'entry ' || id || ' leaves ' || balance_after || ' in ' || pot
                              || ', the one before left ' || before || ' and it moves ' || amount
        FROM gaps) wrong
        ORDER BY wallet_id, id
    """  # nosec B608 # constants of ours


def pots_moved_lately() -> str:
    """The pots that were moved since: from what the entry before left, to what is held.

    Each wallet and pot by its own looks into the index of its entries.
    """
    return _pots(
        """SELECT wallet_id, pot, id, amount, balance_after,
                   lead(balance_after, 1, COALESCE(earlier.left_then, 0)) OVER newest AS before,
                   row_number() OVER newest AS place
            FROM (SELECT wallet_id, pot, min(id) AS first_id FROM wallets_ledgerentry
                  WHERE created_at >= %(since)s GROUP BY 1, 2) moved
            LEFT JOIN LATERAL (
                SELECT e.balance_after AS left_then FROM wallets_ledgerentry e
                WHERE e.wallet_id = ANY (ARRAY[moved.wallet_id]) AND e.pot = moved.pot
                  AND e.id < moved.first_id
                ORDER BY e.wallet_id, e.id DESC LIMIT 1) earlier ON true
            CROSS JOIN LATERAL (
                SELECT e.id, e.amount, e.balance_after FROM wallets_ledgerentry e
                WHERE e.wallet_id = moved.wallet_id AND e.pot = moved.pot
                  AND e.id >= moved.first_id OFFSET 0) e
            WINDOW newest AS (PARTITION BY wallet_id, pot ORDER BY id DESC)""",
        f"""SELECT wallet_id, pot FROM last JOIN ({HELD}) h USING (wallet_id, pot)
            WHERE held <> balance_after""",  # nosec B608 # constants of ours
    )  # nosec B608 # constants of ours


@rule("I1", freezes=True, recent=pots_moved_lately)
def pots_hold_what_their_entries_say() -> str:
    """Pots equal the sums of their entries, and balances chain without a gap: one pass over the
    ledger."""
    return _pots(
        f"""SELECT wallet_id, pot, id, amount, balance_after,
                  lead(balance_after, 1, 0::numeric) OVER newest AS before,
                  row_number() OVER newest AS place
           FROM wallets_ledgerentry
           WINDOW newest AS (PARTITION BY {CHAIN} ORDER BY id DESC)""",  # nosec B608 # constants of ours
        f"""SELECT COALESCE(h.wallet_id, l.wallet_id), COALESCE(h.pot, l.pot)
            FROM (SELECT *, {CHAIN} AS chain FROM last) l
            FULL JOIN (SELECT *, {CHAIN} AS chain FROM ({HELD}) h WHERE held <> 0) h USING (chain)
            WHERE COALESCE(held, 0) <> COALESCE(balance_after, 0)""",  # nosec B608 # constants of ours
    )  # nosec B608 # constants of ours


def _of_no_wallet(which: str) -> str:
    return f"""
        SELECT NULL::bigint, 'entry ' || id || ' is of wallet ' || wallet_id
                             || ', which is not there'
        FROM wallets_ledgerentry e
        WHERE {which}
    """  # nosec B608 # constants of ours


def entries_of_no_wallet_lately() -> str:
    return _of_no_wallet("""
        created_at >= %(since)s
        AND NOT EXISTS (SELECT FROM wallets_wallet w WHERE w.id = e.wallet_id)
    """)


@rule("I10", freezes=True, recent=entries_of_no_wallet_lately)
def entries_are_of_wallets_that_are_there() -> str:
    """The ids of wallets are a few ranges: each entry's is looked for among these."""
    return _of_no_wallet("""
        (wallet_id <@ (SELECT range_agg(int8range(id, id, '[]')) FROM wallets_wallet)) IS NOT TRUE
    """)


def _paid_purchases(which: str) -> str:
    return f"""
        SELECT p.wallet_id, 'purchase ' || p.id || ' paid ' || p.amount_cents || ' cents, its '
               || 'entries are worth ' || COALESCE(SUM({VALUE}), 0) || ' dollars'
        FROM wallets_purchase p
        LEFT JOIN wallets_ledgerentry e ON e.purchase_id = p.id AND {BOUGHT}
        WHERE p.state = 'succeeded' {which}
        GROUP BY {PURCHASE}
        HAVING bool_and(e.kind = p.purpose AND e.key = 'purchase:' || p.id
                        AND CASE p.buys WHEN 'allocation' THEN e.pot IN ('premium', 'basic')
                            ELSE e.pot IN ('credit', p.buys) END) IS NOT TRUE
            OR CASE p.buys WHEN 'allocation'
               THEN COALESCE(SUM(e.amount) FILTER (WHERE e.pot = 'premium'), 0)
                        <> p.premium_minutes * 60
                    OR COALESCE(SUM(e.amount) FILTER (WHERE e.pot = 'basic'), 0)
                        <> p.basic_minutes * 60
                    OR round((p.premium_minutes * p.premium_rate
                              + p.basic_minutes * p.basic_rate) * 100) <> p.amount_cents
               ELSE SUM({VALUE}) * 100 <> p.amount_cents END
    """  # nosec B608 # constants of ours


def purchases_paid_lately() -> str:
    return _paid_purchases("AND p.created_at >= %(begun)s")


@rule("I2", freezes=True, recent=purchases_paid_lately)
def paid_purchases_have_what_they_bought() -> str:
    return _paid_purchases("")


@rule("I2", freezes=True, recent="wallets_ledgerentry")
def only_paid_purchases_credit() -> str:
    return f"""
        SELECT e.wallet_id, 'entry ' || e.id || ' (' || e.kind || ') credits '
               || COALESCE('purchase ' || p.id || ', which is ' || p.state, 'no purchase')
        FROM wallets_ledgerentry e LEFT JOIN wallets_purchase p ON p.id = e.purchase_id
        WHERE {BOUGHT} AND (p.state IS DISTINCT FROM 'succeeded')
    """  # nosec B608 # constants of ours


def _credited_twice(which: str) -> str:
    return f"""
        SELECT min(e.wallet_id), 'intent ' || p.payment_intent || ' was credited '
               || count(*) || ' times to ' || e.pot
        FROM wallets_ledgerentry e JOIN wallets_purchase p ON p.id = e.purchase_id
        WHERE {BOUGHT} {which}
        GROUP BY p.payment_intent, e.pot HAVING count(*) > 1
    """  # nosec B608 # constants of ours


def intents_credited_lately() -> str:
    return _credited_twice("""
        AND p.payment_intent = ANY (ARRAY(
            SELECT p.payment_intent
            FROM wallets_ledgerentry e JOIN wallets_purchase p ON p.id = e.purchase_id
            WHERE e.created_at >= %(since)s AND e.purchase_id IS NOT NULL))
    """)


@rule("I3", freezes=True, recent=intents_credited_lately)
def intents_are_credited_once() -> str:
    return _credited_twice("")
