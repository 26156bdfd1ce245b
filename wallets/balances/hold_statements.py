"""The statements of `wallets.balances.holds`.

Each that writes comes behind one that locks the wallet: under READ COMMITTED a statement sees what
was committed before it began, and one that waits itself for the lock would decide on what it saw
before.
"""

from wallets.prices.amounts import SECONDS_PER_MINUTE

# The parts of one hold, of several, and none.
PARTS = "h.credit, h.premium_seconds, h.basic_seconds, h.included_seconds"
SUMS = """COALESCE(SUM(h.credit), 0) AS credit,
    COALESCE(SUM(h.premium_seconds), 0)::bigint AS premium,
    COALESCE(SUM(h.basic_seconds), 0)::bigint AS basic,
    COALESCE(SUM(h.included_seconds), 0)::bigint AS included"""

# Before anything is read: each statement after it sees what whoever had the lock has committed.
LOCK = "SELECT w.id FROM wallets_wallet w WHERE w.account_id = %s::uuid FOR NO KEY UPDATE"
LOCK_OF_CALL = """
SELECT w.id FROM wallets_wallet w
WHERE w.id = (SELECT h.wallet_id FROM wallets_callhold h
              WHERE h.reporter = %s::uuid AND h.call = %s::text)
FOR NO KEY UPDATE
"""
LOCK_OF_ENDED = """
SELECT w.id FROM wallets_wallet w
WHERE w.id IN (SELECT h.wallet_id FROM wallets_callhold h
               WHERE h.expires_at <= %s::timestamptz ORDER BY h.expires_at LIMIT %s::int)
ORDER BY w.id FOR NO KEY UPDATE
"""

EXPIRED = f"""
SELECT h.wallet_id, count(*), {SUMS} FROM wallets_callhold h
WHERE h.wallet_id = ANY(%s::bigint[]) AND h.expires_at <= %s::timestamptz
GROUP BY h.wallet_id
"""  # nosec B608 # constants of ours

OF_CALLS = f"""
SELECT h.call, h.id, h.wallet_id, h.expires_at > %s::timestamptz, {PARTS} FROM wallets_callhold h
WHERE h.reporter = %s::uuid AND h.call = ANY(string_to_array(%s::text, chr(10)))
    AND h.wallet_id = ANY(%s::bigint[])
"""  # nosec B608 # constants of ours

OF_TYPE = """
SELECT count(*) FROM wallets_callhold h
WHERE h.wallet_id = %s::bigint AND h.minute_type = %s::text AND h.expires_at > %s::timestamptz
"""


def _let_go(which: str) -> str:
    """Delete these holds of locked wallets, and take them off what the wallets keep."""
    return f"""
WITH gone AS (DELETE FROM wallets_callhold h WHERE {which} RETURNING h.wallet_id, {PARTS})
UPDATE wallets_wallet w
SET reserved_calls = w.reserved_calls - s.calls,
    reserved_credit = w.reserved_credit - s.credit,
    reserved_premium_seconds = w.reserved_premium_seconds - s.premium,
    reserved_basic_seconds = w.reserved_basic_seconds - s.basic,
    reserved_included_seconds = w.reserved_included_seconds - s.included
FROM (SELECT h.wallet_id, count(*)::int AS calls, {SUMS} FROM gone h GROUP BY 1) s
WHERE w.id = s.wallet_id
"""  # nosec B608 # constants of ours


RELEASE = _let_go("h.reporter = %s::uuid AND h.call = %s::text")
CAPTURE = _let_go("h.id = ANY(%s::bigint[])")
END = _let_go("h.wallet_id = ANY(%s::bigint[]) AND h.expires_at <= %s::timestamptz")


def placing(*, unless: str) -> str:
    """The statement of `place`, which reserves nothing where this condition is true.

    It sees what is reserved for others, and for this call as if it were free. Whatever part of the
    call credit would pay is priced at the highest rate that is known to begin before the hold ends.
    """
    return f"""
WITH own AS MATERIALIZED (
    SELECT * FROM wallets_callhold h
    WHERE h.reporter = %(reporter)s::uuid AND h.call = %(call)s::text
), asked AS MATERIALIZED (
    SELECT w.id AS wallet_id, {unless} AS is_settled,
        COALESCE(own.wallet_id <> w.id, false) AS is_elsewhere,
        COALESCE(own.wallet_id = w.id AND own.expires_at > %(now)s::timestamptz, false) AS runs,
        GREATEST(%(seconds)s::int,
                 CASE WHEN own.expires_at > %(now)s::timestamptz THEN own.seconds END) AS seconds,
        CASE WHEN %(included)s::boolean THEN GREATEST(
            w.included_seconds - w.reserved_included_seconds + past.included, 0) ELSE 0 END AS incl,
        CASE WHEN %(premium)s::boolean THEN GREATEST(
            w.premium_seconds - w.reserved_premium_seconds + past.premium, 0) ELSE 0 END AS prem,
        CASE WHEN %(basic)s::boolean THEN GREATEST(
            w.basic_seconds - w.reserved_basic_seconds + past.basic, 0) ELSE 0 END AS basic,
        GREATEST(w.credit - w.reserved_credit + past.credit, 0) AS credit
    FROM wallets_wallet w LEFT JOIN own ON true
    CROSS JOIN LATERAL (
        SELECT {SUMS} FROM (
            SELECT {PARTS} FROM wallets_callhold h
            WHERE h.wallet_id = w.id AND h.expires_at <= %(now)s::timestamptz
            UNION ALL
            SELECT {PARTS} FROM own h
            WHERE h.wallet_id = w.id AND h.expires_at > %(now)s::timestamptz) h) past
    WHERE w.account_id = %(account)s::uuid
), priced AS MATERIALIZED (
    SELECT a.*, LEAST(a.seconds, a.incl + a.prem + a.basic
        + COALESCE(div(a.credit * {SECONDS_PER_MINUTE}, r.rate), 0))::int AS granted, r.rate
    FROM asked a CROSS JOIN LATERAL (
        SELECT max(r.price) AS rate FROM wallets_minuterate r
        WHERE r.minute_type = %(rate)s::text
          AND r.effective_from <= %(now)s::timestamptz + %(report)s::interval
                                  + a.seconds * interval '1 second'
          AND r.effective_from >= (
              SELECT max(b.effective_from) FROM wallets_minuterate b
              WHERE b.minute_type = %(rate)s::text
                AND b.effective_from <= %(now)s::timestamptz)) r
), placed AS (
    INSERT INTO wallets_callhold AS h
        (wallet_id, reporter, call, minute_type, seconds, included_seconds, premium_seconds,
         basic_seconds, credit, held_at, expires_at)
    SELECT p.wallet_id, %(reporter)s::uuid, %(call)s::text, %(minute_type)s::text, p.granted,
        LEAST(p.granted, p.incl), LEAST(GREATEST(p.granted - p.incl, 0), p.prem),
        LEAST(GREATEST(p.granted - p.incl - p.prem, 0), p.basic),
        COALESCE(round(GREATEST(p.granted - p.incl - p.prem - p.basic, 0) * p.rate
                       / {SECONDS_PER_MINUTE}, 6), 0),
        %(now)s::timestamptz,
        %(now)s::timestamptz + %(report)s::interval + p.granted * interval '1 second'
    FROM priced p
    WHERE p.granted > 0 AND (p.runs OR %(may)s::boolean) AND NOT p.is_settled
      AND NOT p.is_elsewhere
    ON CONFLICT (reporter, call) DO UPDATE
    SET minute_type = excluded.minute_type, seconds = excluded.seconds,
        included_seconds = excluded.included_seconds, premium_seconds = excluded.premium_seconds,
        basic_seconds = excluded.basic_seconds, credit = excluded.credit,
        held_at = excluded.held_at, expires_at = excluded.expires_at
    WHERE h.wallet_id = excluded.wallet_id
    RETURNING *
), kept AS (
    UPDATE wallets_wallet w
    SET reserved_calls = w.reserved_calls + CASE WHEN o.id IS NULL THEN 1 ELSE 0 END,
        reserved_credit = w.reserved_credit + h.credit - COALESCE(o.credit, 0),
        reserved_premium_seconds = w.reserved_premium_seconds + h.premium_seconds
            - COALESCE(o.premium_seconds, 0),
        reserved_basic_seconds = w.reserved_basic_seconds + h.basic_seconds
            - COALESCE(o.basic_seconds, 0),
        reserved_included_seconds = w.reserved_included_seconds + h.included_seconds
            - COALESCE(o.included_seconds, 0)
    FROM placed h LEFT JOIN own o ON true WHERE w.id = h.wallet_id
)
SELECT p.wallet_id, h.seconds, h.expires_at, p.is_settled, p.is_elsewhere, p.granted
FROM priced p LEFT JOIN placed h ON true
"""  # nosec B608 # constants of ours, and a condition of ours
