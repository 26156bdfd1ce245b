"""The rules of the books over what is reserved for calls that run."""

from wallets.books.register import rule
from wallets.prices.amounts import SECONDS_PER_MINUTE


@rule("I17", freezes=False)
def wallets_keep_what_their_holds_reserve() -> str:
    """Expired ones among them, until they are deleted. A wallet without holds keeps nothing."""
    return """
        SELECT id, 'keeps ' || COALESCE(w.kept, 'nothing') || ' as reserved, its holds reserve '
               || COALESCE(h.held, 'nothing')
        FROM (SELECT id, reserved_calls, concat_ws(' ', reserved_calls, reserved_credit,
                         reserved_premium_seconds, reserved_basic_seconds,
                         reserved_included_seconds) AS kept
              FROM wallets_wallet
              WHERE (reserved_calls, reserved_credit, reserved_premium_seconds,
                     reserved_basic_seconds, reserved_included_seconds) <> (0, 0, 0, 0, 0)) w
        FULL JOIN (
              SELECT wallet_id AS id, concat_ws(' ', count(*), SUM(credit), SUM(premium_seconds),
                                                SUM(basic_seconds), SUM(included_seconds)) AS held
              FROM wallets_callhold GROUP BY 1) h USING (id)
        WHERE w.kept IS DISTINCT FROM h.held
    """


@rule("I17", freezes=False)
def holds_reserve_what_their_seconds_cost() -> str:
    """Whatever no minutes pay, credit does, at the rate of its moment or a higher one."""
    return f"""
        WITH rates AS MATERIALIZED (
            SELECT minute_type, effective_from, price FROM wallets_minuterate)
        SELECT h.wallet_id, 'hold ' || h.id || ' reserves ' || h.credit || ' dollars for '
               || u.rest || ' seconds at ' || r.price
        FROM wallets_callhold h
        CROSS JOIN LATERAL (SELECT h.seconds - h.included_seconds - h.premium_seconds
                                   - h.basic_seconds AS rest) u
        CROSS JOIN LATERAL (
            SELECT price FROM rates
            WHERE minute_type = CASE h.minute_type WHEN 'basic' THEN 'basic' ELSE 'premium' END
              AND effective_from <= h.held_at
            ORDER BY effective_from DESC LIMIT 1) r
        WHERE h.credit < round(u.rest * r.price / {SECONDS_PER_MINUTE}, 6)
           OR (u.rest = 0 AND h.credit <> 0)
           OR (h.minute_type = 'basic' AND h.included_seconds + h.premium_seconds > 0)
           OR (h.minute_type = 'premium' AND h.basic_seconds > 0)
    """  # nosec B608 # constants of ours
