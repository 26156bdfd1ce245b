"""The rules of the books over campaigns and calls, one query each.

docs/runbook.md says what each means when it is broken.
"""

import secrets

from accounts import clock
from campaigns.limits import SWEEP_SLACK
from wallets.balances import short
from wallets.balances.hold_statements import SUMS
from wallets.books.register import missing_guards, rule
from wallets.limits import GRACE
from wallets.prices.amounts import SECONDS_PER_MINUTE
from wallets.prices.rates import rates_now

# What a call took from each pot.
TAKEN = """(VALUES ('credit', k.cost), ('included', k.included_seconds::numeric),
                       ('premium', k.premium_seconds::numeric),
                       ('basic', k.basic_seconds::numeric)) AS p (pot, taken)"""
# What calls name.
NAMED = ("accounts_account", "campaigns_campaign")
A_BATCH = "'^calls:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'"


def _differ(calls: str, entries: str) -> str:
    """The batches and pots of wallets of which these calls took what these entries do not say."""
    return f"""
        SELECT wallet_id, key, key || ' took ' || COALESCE(c.taken, 0) || ' from ' || pot
               || ' by its calls and ' || COALESCE(-e.amount, 0) || ' by its entry' AS text
        FROM (SELECT w.id AS wallet_id, 'calls:' || k.batch AS key, p.pot, SUM(p.taken) AS taken
              FROM {calls} CROSS JOIN LATERAL {TAKEN}
              WHERE p.taken <> 0
              GROUP BY 1, 2, 3) c
        FULL JOIN (SELECT e.wallet_id, e.key, e.pot, e.amount FROM {entries}) e
             USING (wallet_id, key, pot)
        WHERE COALESCE(c.taken, 0) <> COALESCE(-e.amount, 0)
    """  # nosec B608 # constants of ours


def _of_suspects(suspects: str, call: str, entry: str) -> str:
    """What differs among the calls and entries of these: each by its own look into an index."""
    differ = _differ(
        f"""suspects s JOIN wallets_wallet w ON w.id = s.wallet_id CROSS JOIN LATERAL (
                SELECT * FROM campaigns_call k
                WHERE k.account_id = w.account_id {call} OFFSET 0) k""",  # nosec B608 # constants of ours
        f"""suspects s CROSS JOIN LATERAL (
                SELECT * FROM wallets_ledgerentry e
                WHERE e.wallet_id = s.wallet_id AND e.kind = 'calls' {entry} OFFSET 0) e""",  # nosec B608 # constants of ours
    )
    return f"""
        WITH suspects AS MATERIALIZED ({suspects}) SELECT wallet_id, text FROM ({differ}) d
    """  # nosec B608 # constants of ours


def batches_charged_lately() -> str:
    """The batches with a call or an entry since; of those that differ all calls and entries."""
    differ = _differ(
        """(SELECT * FROM campaigns_call WHERE created_at >= %(since)s) k
           JOIN wallets_wallet w ON w.account_id = k.account_id""",
        "(SELECT * FROM wallets_ledgerentry WHERE kind = 'calls' AND created_at >= %(since)s) e",
    )
    return _of_suspects(
        f"SELECT DISTINCT wallet_id, key FROM ({differ}) d",  # nosec B608 # constants of ours
        f"AND k.batch = CASE WHEN s.key ~ {A_BATCH} THEN substr(s.key, 7)::uuid END",
        "AND e.key = s.key",
    )  # nosec B608 # constants of ours


def _weights() -> dict[str, object]:
    """Others each time: what two errors might hide in one check shows in the next."""
    return {name: secrets.randbits(30) + 1 for name in ("seed", "included", "premium", "basic")}


# What a call took and an entry moved, times a number of its batch and account (64 bits that the
# seed decides): an entry takes away what the calls of its own batch and account add, and no other.
CALL_TOOK = """
    hashtextextended('calls:' || k.batch, uuid_hash_extended(k.account_id, %(seed)s))
    * (k.cost + (k.included_seconds * %(included)s::bigint + k.premium_seconds * %(premium)s::bigint
                 + k.basic_seconds * %(basic)s::bigint))
"""
# One of a wallet that is not there is of no account, and nothing takes it away.
ENTRY_MOVED = """
    hashtextextended(e.key, COALESCE(uuid_hash_extended(w.account_id, %(seed)s), 0))
    * CASE e.pot WHEN 'included' THEN e.amount * %(included)s
           WHEN 'premium' THEN e.amount * %(premium)s WHEN 'basic' THEN e.amount * %(basic)s
           ELSE e.amount END
"""
CHARGES = """
    wallets_ledgerentry e LEFT JOIN wallets_wallet w ON w.id = e.wallet_id WHERE e.kind = 'calls'
"""


@rule("I5", freezes=True, figures=_weights, recent=batches_charged_lately)
def calls_took_what_their_entries_say() -> str:
    """Each call is charged once: what a batch's calls took from a pot is the batch's entry.

    One number is made of all calls and entries: what they moved, each times a random weight of its
    pot, times a random number of its batch and account. Where everything is right they cancel out.
    Only where they do not the same is asked of each wallet, and of those that differ calls and
    entries are compared batch by batch.
    """
    return _of_suspects(
        f"""
        SELECT wallet_id FROM (
            SELECT w.id AS wallet_id, c.moved
            FROM (SELECT k.account_id, SUM({CALL_TOOK}) AS moved FROM campaigns_call k GROUP BY 1) c
            JOIN wallets_wallet w USING (account_id)
            UNION ALL
            SELECT e.wallet_id, SUM({ENTRY_MOVED}) FROM {CHARGES} GROUP BY 1) m
        WHERE COALESCE((SELECT SUM({CALL_TOOK}) FROM campaigns_call k), 0)
              + COALESCE((SELECT SUM({ENTRY_MOVED}) FROM {CHARGES}), 0) <> 0
        GROUP BY wallet_id HAVING SUM(moved) <> 0
        """,  # nosec B608 # constants of ours
        "",
        "",
    )


@rule("I16", freezes=False, figures=lambda: {"turn": clock.now().hour})
def kept_usage_is_what_calls_used() -> str:
    """Each hour another 24th of the days and of the accounts: all of them within a day. Months and
    days of agencies are the sums of these days.

    A day begins up to 14 hours before it does in UTC, or 12 after: what is further is another day.
    """
    return """
        SELECT w.id, 'usage of ' || day || ', campaign ' || campaign || ', ' || minute_type || ', '
               || outcome || ' is kept as ' || COALESCE(u.kept, 'nothing') || ' and was '
               || COALESCE(c.used, 'nothing')
        FROM (SELECT account_id, day, COALESCE(campaign_id, 0) AS campaign, minute_type, outcome,
                     concat_ws(' ', calls, seconds, included_seconds, premium_seconds,
                               basic_seconds, cost) AS kept
              FROM campaigns_usageday
              WHERE (day - date '2000-01-01') %% 24 = %(turn)s) u
        FULL JOIN (
              SELECT d.account_id, d.day, COALESCE(k.campaign_id, 0) AS campaign, k.minute_type,
                     k.outcome,
                     concat_ws(' ', count(*), SUM(k.seconds), SUM(k.included_seconds),
                               SUM(k.premium_seconds), SUM(k.basic_seconds), SUM(k.cost)) AS used
              FROM (SELECT DISTINCT account_id, day, begins_at, ends_at FROM campaigns_usageday
                    WHERE (day - date '2000-01-01') %% 24 = %(turn)s) d
              JOIN campaigns_call k ON k.account_id = d.account_id
                   AND k.ended_at >= d.begins_at AND k.ended_at < d.ends_at
              GROUP BY 1, 2, 3, 4, 5) c
             USING (account_id, day, campaign, minute_type, outcome)
        JOIN wallets_wallet w USING (account_id)
        WHERE u.kept IS DISTINCT FROM c.used
        UNION ALL
        SELECT w.id, 'usage until ' || u.until || ' is kept of ' || d.calls || ' calls and was of '
               || c.calls
        FROM campaigns_usagekept u
        JOIN wallets_wallet w ON w.account_id = u.account_id
        CROSS JOIN LATERAL (
            SELECT COALESCE(SUM(calls), 0) AS calls FROM campaigns_usageday
            WHERE account_id = u.account_id) d
        CROSS JOIN LATERAL (
            SELECT count(*) AS calls FROM campaigns_call k
            WHERE k.account_id = u.account_id AND k.ended_at < u.ends_at) c
        WHERE ABS(hashtext(u.account_id::text)::bigint) %% 24 = %(turn)s AND d.calls <> c.calls
        UNION ALL
        SELECT w.id, 'usage until ' || k.until || ' is kept to another moment, ' || k.ends_at
        FROM campaigns_usagekept k
        JOIN wallets_wallet w USING (account_id)
        WHERE (k.ends_at AT TIME ZONE 'UTC') - (k.until + 1)::timestamp
              NOT BETWEEN interval '-15 hours' AND interval '13 hours'
        UNION ALL
        SELECT DISTINCT w.id, 'usage of ' || k.day || ' is of another day, from ' || k.begins_at
        FROM campaigns_usageday k
        JOIN wallets_wallet w USING (account_id)
        WHERE (k.day - date '2000-01-01') %% 24 = %(turn)s
              AND (k.begins_at AT TIME ZONE 'UTC') - k.day::timestamp
                  NOT BETWEEN interval '-15 hours' AND interval '13 hours'
        UNION ALL
        SELECT w.id, 'usage of the month from ' || m.month || ' is not the sum of its days'
        FROM (
            SELECT account_id, month FROM (
                SELECT account_id, month, campaign_id, minute_type, outcome, calls, seconds,
                       included_seconds, premium_seconds, basic_seconds, cost
                FROM campaigns_usagemonth
                UNION ALL
                SELECT account_id, date_trunc('month', day)::date, campaign_id, minute_type,
                       outcome, -calls, -seconds, -included_seconds, -premium_seconds,
                       -basic_seconds, -cost
                FROM campaigns_usageday) s
            WHERE ABS(hashtext(account_id::text)::bigint) %% 24 = %(turn)s
            GROUP BY account_id, month, campaign_id, minute_type, outcome
            HAVING (SUM(calls), SUM(seconds), SUM(included_seconds), SUM(premium_seconds),
                    SUM(basic_seconds), SUM(cost)) <> (0, 0, 0, 0, 0, 0)) m
        JOIN wallets_wallet w USING (account_id)
        UNION ALL
        SELECT w.id, 'usage of the agency on ' || d.day || ' is not the sum of its accounts'' days'
        FROM (
            SELECT agency_id, day FROM (
                SELECT agency_id, day, minute_type, outcome, calls, seconds, included_seconds,
                       premium_seconds, basic_seconds, cost
                FROM campaigns_agencyusageday
                UNION ALL
                SELECT COALESCE(a.agency_id, a.id), day, minute_type, outcome, -calls, -seconds,
                       -included_seconds, -premium_seconds, -basic_seconds, -cost
                FROM campaigns_usageday
                JOIN accounts_account a ON a.id = account_id AND a.kind <> 'individual') s
            WHERE ABS(hashtext(agency_id::text)::bigint) %% 24 = %(turn)s
            GROUP BY agency_id, day, minute_type, outcome
            HAVING (SUM(calls), SUM(seconds), SUM(included_seconds), SUM(premium_seconds),
                    SUM(basic_seconds), SUM(cost)) <> (0, 0, 0, 0, 0, 0)) d
        JOIN wallets_wallet w ON w.account_id = d.agency_id
    """


def _unpayable(among: str) -> str:
    """The cheapest rate of the last minutes counts, and what changed, was held or fell due in them
    is left out: the sweep may still be on its way. What was held before pays no other call.
    """
    slack = int(SWEEP_SLACK.total_seconds())
    grace = int(GRACE.total_seconds()) + slack
    recently = f"%(now)s::timestamptz - interval '{slack} seconds'"

    def cheapest(tier: str) -> str:
        return f"""(SELECT min(price) FROM (
            (SELECT price FROM wallets_minuterate
             WHERE minute_type = '{tier}' AND effective_from <= {recently}
             ORDER BY effective_from DESC LIMIT 1)
            UNION ALL
            SELECT price FROM wallets_minuterate
            WHERE minute_type = '{tier}'
              AND effective_from > {recently} AND effective_from <= %(now)s) rates)"""  # nosec B608 # constants of ours

    return f"""
        SELECT w.id, 'campaign ' || c.id || ' goes on with ' || w.credit || ' of credit'
        FROM campaigns_campaign c
        JOIN wallets_wallet w ON w.account_id = c.account_id
        LEFT JOIN wallets_autorecharge a ON a.wallet_id = w.id
        CROSS JOIN (SELECT {cheapest("premium")} AS premium, {cheapest("basic")} AS basic) r
        LEFT JOIN LATERAL (
            SELECT {SUMS} FROM wallets_callhold h
            WHERE w.reserved_calls <> 0 AND h.wallet_id = w.id
              AND h.held_at < {recently} AND h.expires_at > %(now)s) h ON w.reserved_calls <> 0
        CROSS JOIN LATERAL (SELECT
            w.credit - COALESCE(h.credit, 0) AS credit,
            GREATEST(w.included_seconds - COALESCE(h.included, 0), 0) AS included,
            GREATEST(w.premium_seconds - COALESCE(h.premium, 0), 0) AS premium,
            GREATEST(w.basic_seconds - COALESCE(h.basic, 0), 0) AS basic) l
        CROSS JOIN LATERAL (SELECT
            CASE c.minute_type WHEN 'basic' THEN l.basic
                 WHEN 'premium' THEN l.included + l.premium
                 ELSE l.included + l.premium + l.basic END AS seconds,
            CASE c.minute_type WHEN 'basic' THEN r.basic ELSE r.premium END AS price) u
        WHERE c.status = 'started' {among}
          AND u.seconds * u.price + GREATEST(l.credit, 0) * {SECONDS_PER_MINUTE}
              < {SECONDS_PER_MINUTE} * u.price
          AND c.updated_at < {recently}
          AND (a.due_since IS NULL
               OR a.due_since < %(now)s::timestamptz - interval '{grace} seconds')
        ORDER BY c.id
    """  # nosec B608 # constants of ours


def unpayable_lately() -> str:
    """Of wallets that may be short or were moved since, and campaigns changed since: of the others
    it was proven then, and neither balance nor campaign is another."""
    return _unpayable(f"""AND c.id IN (
        SELECT id FROM campaigns_campaign WHERE status = 'started' AND updated_at >= %(since)s
        UNION
        SELECT s.id
        FROM ({short.may_be_short(rates_now())}
              UNION SELECT wallet_id FROM wallets_ledgerentry WHERE created_at >= %(since)s) m
        JOIN wallets_wallet o ON o.id = m.wallet_id
        JOIN campaigns_campaign s ON s.account_id = o.account_id AND s.status = 'started')
    """)  # nosec B608 # constants of ours


@rule("I9", freezes=False, recent=unpayable_lately)
def started_campaigns_can_pay_a_minute() -> str:
    """One that cannot was told to pause, or the sweep has not had its minute yet."""
    return _unpayable("")


@rule("I10", freezes=True, recent="campaigns_call")
def calls_belong_to_their_campaigns_account() -> str:
    """A campaign's own account is there: only calls of none are asked for theirs."""
    return """
        SELECT w.id, 'call ' || k.id || CASE
                   WHEN k.campaign_id IS NULL THEN ' is of an account that is not there'
                   WHEN c.id IS NULL THEN ' is of a campaign that is not there'
                   ELSE ' is of another account than its campaign ' || c.id END
        FROM campaigns_call k
        LEFT JOIN campaigns_campaign c ON c.id = k.campaign_id
        LEFT JOIN wallets_wallet w ON w.account_id = k.account_id
        WHERE CASE WHEN k.campaign_id IS NULL
              THEN NOT EXISTS (SELECT FROM accounts_account a WHERE a.id = k.account_id)
              ELSE c.account_id IS DISTINCT FROM k.account_id END
        ORDER BY k.id
    """


@rule("I7", freezes=True)
def the_guards_of_calls_are_in_place() -> str:
    forbids = "campaigns_forbid_call_change"
    changes = ("UPDATE", "DELETE", "TRUNCATE")
    return missing_guards(
        [
            ("campaigns_call", "INSERT", "campaigns_check_references"),
            *(("campaigns_call", operation, forbids) for operation in changes),
            *(
                (table, operation, "wallets_forbid_removal")
                for table in NAMED
                for operation in changes
            ),
        ]
    )
