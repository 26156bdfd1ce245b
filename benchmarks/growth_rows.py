"""A database of a million wallets and ten million entries whose books agree, filled by SQL.

Account, wallet and campaign number g belong together; entry number s is the s-th that was written.
One entry in ten is of the busy account, the last one, with `BUSY_CALLS` calls in all. Of each other
wallet there are an opening balance, a recharge, and debits of one call each, a thousand a batch.
"""

import hashlib
import sys
import uuid
from dataclasses import dataclass

from django.db import connection, transaction

from benchmarks.admin_rows import INDEXES, SEQUENCES

ENTRIES_OF_EACH = 9
# Calls of the busy account for each of its entries: a year of 10,000 a day over a million entries.
BUSY_CALLS = 3.65

ACCOUNT = "md5('account ' || g)::uuid"
PURCHASE = "md5('purchase ' || g)::uuid"
MOMENT = "now() - interval '1 year' * ({wallets} - g + 1) / {wallets}"

# The round of a wallet's recharge; those before and after it are calls.
PAYS = "r = 1 + g % 8"
# One in a thousand falls below its threshold, one in a thousand cannot pay its campaign.
START = "CASE g % 1000 WHEN 500 THEN -5 WHEN 2 THEN -10 ELSE 100 END"
# What seven calls, two dollars each, and one recharge leave.
HELD = f"({START} + 20 - 14)"


def _calls_until(entry: str) -> str:
    """How many calls the busy account has made up to one of its entries."""
    return f"floor({entry} * {BUSY_CALLS})::bigint"


FILL = {
    # One in a hundred is an agency, with the 49 after it as its sub-accounts.
    "accounts": f"""
        INSERT INTO accounts_account (id, kind, name, status, timezone, stripe_customer,
                                      billing_name, billing_address, tax_id, included_minutes,
                                      included_anchor_day, created_at, agency_id)
        SELECT {ACCOUNT}, CASE WHEN g % 100 = 0 OR g > {{wallets}} THEN 'agency'
                               WHEN g % 100 < 50 AND g >= 100 THEN 'sub_account'
                               ELSE 'individual' END,
               'Account ' || g, 'active', 'America/New_York',
               CASE WHEN g % 100 = 0 THEN 'cus_' || g END, '', '', '', 0, 1, {MOMENT},
               CASE WHEN g % 100 BETWEEN 1 AND 49 AND g BETWEEN 100 AND {{wallets}}
                    THEN md5('account ' || g - g % 100)::uuid END
        FROM generate_series(1, {{wallets}} + 1) g""",
    "wallets": f"""
        INSERT INTO wallets_wallet (id, currency, credit, premium_seconds, basic_seconds,
                                    included_seconds, default_payment_method, blocked_reason,
                                    account_id)
        SELECT g, 'USD', CASE WHEN g > {{wallets}} THEN {{of_busy}} ELSE {HELD} END,
               CASE WHEN g > {{wallets}} THEN 600 ELSE 0 END, 0, 0,
               CASE WHEN g % 100 = 0 THEN 'pm_' || g ELSE '' END, '', {ACCOUNT}
        FROM generate_series(1, {{wallets}} + 1) g""",
    "settings": f"""
        INSERT INTO wallets_autorecharge (enabled, currency, threshold, amount, payment_method,
            resume_campaigns, consecutive_declines, hold_reason, due_since, low_armed,
            suspended_reason, failed_fingerprint, updated_at, wallet_id)
        SELECT g % 3 = 0 OR g % 1000 = 500, 'USD', 10, 50, '', false, 0, '',
               CASE WHEN g % 1000 = 500 THEN now() END, {HELD} >= 10, '', '', {MOMENT}, g
        FROM generate_series(1, {{wallets}} + 1) g""",
    "cards": """
        INSERT INTO djstripe_customer (djstripe_created, djstripe_updated, stripe_data, id,
                                       livemode, created, email)
        SELECT now(), now(), jsonb_build_object('id', 'cus_' || g), 'cus_' || g, false, now(), ''
        FROM generate_series(100, {wallets}, 100) g;
        INSERT INTO djstripe_paymentmethod (djstripe_created, djstripe_updated, stripe_data, id,
                                            livemode, created, customer_id)
        SELECT now(), now(), jsonb_build_object('id', 'pm_' || g, 'card', jsonb_build_object(
                   'brand', 'visa', 'last4', lpad((g % 10000)::text, 4, '0'), 'exp_month', 1,
                   'exp_year', 2090, 'fingerprint', 'f' || g)),
               'pm_' || g, false, now(), 'cus_' || g
        FROM generate_series(100, {wallets}, 100) g""",
    "campaigns": f"""
        INSERT INTO campaigns_campaign (id, external_id, name, minute_type, status, pause_reason,
                                        paused_at, created_at, updated_at, account_id)
        SELECT g, 'camp-' || g, 'Campaign ' || g, 'premium',
               CASE WHEN g % 20 < 2 THEN 'paused' WHEN g % 20 < 10 THEN 'started'
                    ELSE 'complete' END,
               CASE g % 20 WHEN 0 THEN 'low_balance' WHEN 1 THEN 'manual' ELSE '' END,
               CASE WHEN g % 20 < 2 THEN now() END, {MOMENT}, {MOMENT}, {ACCOUNT}
        FROM generate_series(1, {{wallets}}) g
        UNION ALL
        SELECT {{wallets}} + n, 'busy-' || n, 'Campaign ' || n, 'premium',
               CASE WHEN n % 4 = 0 THEN 'paused' ELSE 'started' END,
               CASE WHEN n % 4 = 0 THEN 'low_balance' ELSE '' END,
               CASE WHEN n % 4 = 0 THEN now() END, now() - interval '1 year', now(),
               md5('account ' || {{wallets}} + 1)::uuid
        FROM generate_series(1, {{campaigns}}) n""",
    "purchases": f"""
        INSERT INTO wallets_purchase (id, purpose, amount_cents, buys, premium_minutes,
            basic_minutes, payment_method, card, card_fingerprint, state, payment_intent, attempts,
            decline_code, error_text, quarantine_reason, receipt_number, created_at, submitted_at,
            closed_at, payer_id, wallet_id)
        SELECT {PURCHASE}, CASE WHEN g % 3 = 0 THEN 'auto_recharge' ELSE 'recharge' END, 2000,
               'credit', 0, 0, 'pm_' || g, 'Visa •••• 4242', 'f' || g, 'succeeded', 'pi_' || g, 1,
               '', '', '', g, {MOMENT}, {MOMENT}, {MOMENT}, {ACCOUNT}, g
        FROM generate_series(1, {{wallets}}) g""",
    "entries": f"""
        INSERT INTO wallets_ledgerentry (pot, amount, balance_after, kind, key, note, occurred_at,
                                         created_at, purchase_id, wallet_id)
        SELECT CASE WHEN busy AND b = 1 THEN 'premium' ELSE 'credit' END, amount,
               CASE WHEN NOT busy THEN {START} + 20 * (r >= 1 + g % 8)::int
                                       - 2 * (r - (r >= 1 + g % 8)::int)
                    WHEN b = 1 THEN 600 WHEN b = 2 THEN 4 * {{wallets}}
                    ELSE 4 * {{wallets}} - 0.5 * (until - {_calls_until("2")}) END, kind,
               CASE kind WHEN 'calls' THEN 'calls:' || batch
                    WHEN 'adjustment' THEN 'adjustment:' || s ELSE 'purchase:' || {PURCHASE} END,
               '', at, at, CASE WHEN kind LIKE '%%recharge' THEN {PURCHASE} END,
               CASE WHEN busy THEN {{wallets}} + 1 ELSE g END
        FROM (SELECT e.*, CASE WHEN busy THEN CASE b WHEN 1 THEN 600 WHEN 2 THEN 4 * {{wallets}}
                                                   ELSE -0.5 * (until - begun) END
                               WHEN r = 0 THEN {START} WHEN {PAYS} THEN 20 ELSE -2 END AS amount,
                     CASE WHEN busy THEN CASE WHEN b < 3 THEN 'adjustment' ELSE 'calls' END
                          WHEN r = 0 THEN 'adjustment' WHEN NOT {PAYS} THEN 'calls'
                          WHEN g % 3 = 0 THEN 'auto_recharge' ELSE 'recharge' END AS kind
              FROM numbered e) e""",
    "calls": f"""
        INSERT INTO campaigns_call (reporter, external_id, minute_type_sent, minute_type, seconds,
            ended_at, outcome, included_seconds, premium_seconds, basic_seconds, cost, batch,
            created_at, account_id, campaign_id)
        SELECT '00000000-0000-0000-0000-000000000000', md5('call ' || s || ' ' || n), '', 'premium',
               CASE WHEN busy THEN 60 + n ELSE 750 END, at, outcome[1 + (s + n) % 4], 0, 0, 0,
               CASE WHEN busy THEN 0.5 ELSE 2 END, batch,
               at, md5('account ' || CASE WHEN busy THEN {{wallets}} + 1 ELSE g END)::uuid,
               CASE WHEN busy THEN {{wallets}} + 1 + (s + n) % {{campaigns}} ELSE g END
        FROM (SELECT e.*, ARRAY['completed', 'no_answer', 'no_message', 'left_message'] AS outcome
              FROM numbered e) e
        CROSS JOIN LATERAL generate_series(1, CASE WHEN busy THEN until - begun ELSE 1 END) n
        WHERE CASE WHEN busy THEN b > 2 ELSE r > 0 AND NOT {PAYS} END""",
    # Ten sub-accounts of each agency: their month begins today.
    "allocations": f"""
        INSERT INTO wallets_autoallocation (id, basic_minutes, premium_minutes, payment_method,
            anchor_date, active, created_at, updated_at, account_id, agency_id)
        SELECT g, 500, 0, 'pm_' || g - g % 100, (now() AT TIME ZONE 'America/New_York')::date
               - interval '2 months', true, {MOMENT}, {MOMENT}, {ACCOUNT},
               md5('account ' || g - g % 100)::uuid
        FROM generate_series(101, {{wallets}}) g WHERE g % 100 BETWEEN 1 AND 10""",
    "allocation runs": """
        INSERT INTO wallets_allocationrun (period, basic_minutes, premium_minutes, basic_rate,
            premium_rate, amount_cents, state, attempts, error_text, created_at, closed_at,
            allocation_id)
        SELECT a.anchor_date + interval '1 month' * m, 500, 0, 0.09, 0.16, 4500, 'skipped', 0, '',
               now(), now(), a.id
        FROM wallets_autoallocation a, generate_series(0, 1) m""",
}
# Batches are numbered in time; those of the busy account have one entry each.
NUMBERED = f"""
    CREATE TEMPORARY VIEW numbered AS
    SELECT s, s % 10 = 0 AS busy, s / 10 AS b, o / {{wallets}} AS r, 1 + o % {{wallets}} AS g,
           (lpad(to_hex(CASE WHEN s % 10 = 0 THEN s ELSE s / 1000 * 1000 + 1 END), 12, '0')
            || '70008000000000000000')::uuid AS batch,
           {_calls_until("s / 10")} AS until, {_calls_until("(s / 10 - 1)")} AS begun,
           now() - interval '1 year' * (1 - s::float8 / {{entries}}) AS at
    FROM (SELECT s, s - s / 10 - 1 AS o FROM generate_series(1, {{entries}}) s) s"""
# Campaigns of the busy account.
CAMPAIGNS = 20
# An individual with little, whose campaign is paused and can be paid.
QUIET = 9_060


@dataclass(frozen=True)
class Size:
    """So many wallets besides the busy one, and ten times as many entries."""

    wallets: int

    @property
    def entries(self) -> int:
        return self.wallets * (ENTRIES_OF_EACH + 1)

    @property
    def busy(self) -> int:
        """The wallet of the busy account."""
        return self.wallets + 1


def account_id(number: int) -> str:
    """Of the account with this number."""
    return str(
        uuid.UUID(hashlib.md5(f"account {number}".encode(), usedforsecurity=False).hexdigest())
    )


def fill(size: Size) -> None:
    """Fill an empty, migrated database, and let the planner know."""
    values = {
        "wallets": size.wallets,
        "entries": size.entries,
        "campaigns": CAMPAIGNS,
        "of_busy": 4 * size.wallets - (int(size.wallets * BUSY_CALLS) - int(2 * BUSY_CALLS)) / 2,
    }
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("SET LOCAL maintenance_work_mem = '1GB'")
        cursor.execute(INDEXES)
        indexes = cursor.fetchall()
        for table, name, _ in indexes:
            cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {name}")
            cursor.execute(f"DROP INDEX IF EXISTS {name}")
        cursor.execute(NUMBERED.format(**values))
        for title, sql in FILL.items():
            print(f"  {title} …", flush=True)
            cursor.execute(sql.format(**values).replace("%%", "%"))
        for _, _, definition in indexes:
            cursor.execute(definition)
        cursor.execute(SEQUENCES)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    keep_usage(size)


def keep_usage(size: Size) -> None:
    """As the nightly job would have, of those whose pages are asked for."""
    from accounts import clock
    from accounts.models import Account
    from campaigns import usage_days

    for number in (QUIET, size.busy):
        account = Account.objects.get(pk=account_id(number))
        usage_days.keep(account=account, today=account.local_date(clock.now()))


def main(database: str, wallets: str) -> None:
    """Make the database unless it is there; what has changed since then is migrated."""
    import os

    import django
    from django.conf import settings

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "thinkrr_billing.settings")
    django.setup()
    settings.DEBUG = False
    connection.settings_dict["TEST"]["NAME"] = database
    connection.creation.create_test_db(verbosity=0, keepdb=True, serialize=False)
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM wallets_wallet)")
        [[is_filled]] = cursor.fetchall()
    if not is_filled:
        fill(Size(int(wallets)))


if __name__ == "__main__":
    main(*sys.argv[1:])
