"""A database of the size the admin is promised for, filled by SQL from its own numbers.

Account, wallet, person and campaign number g belong together; the balances chain as they must.
The triggers are off meanwhile: they would take hours, and audit every row.
"""

from django.db import connection, transaction

WALLETS = 1_000_000
ENTRIES_OF_EACH = 9
# One account as busy as a platform's largest: a batch of calls every minute for two years.
BUSY_ENTRIES = 1_000_000

ACCOUNT = "md5('account ' || {})::uuid"
PURCHASE = "md5('purchase ' || {})::uuid"
MOMENT = "now() - interval '1 year' * ({of} - {at}) / {of}"

FIRST = "Northside,Lakeview,Cedar,Bluebird,Harbor,Summit,Maple,Granite,Willow,Copper,Juniper,Falcon"
SECOND = "Dental,Yoga,Roofing,Legal,Realty,Plumbing,Fitness,Bakery,Travel,Clinic"

FILL = {
    "people": """
        INSERT INTO accounts_user (id, password, is_superuser, email, name, is_staff, is_active,
                                   theme, date_joined, muted)
        SELECT g, '!', false, 'person' || g || '@' || lower(first[1 + g % 12]) || '.example',
               'Person ' || g, false, true, '', {moment}, '{{}}'
        FROM generate_series(1, {wallets}) g, names""",
    # One in a hundred is an agency, with the 49 after it as its sub-accounts; one in ten says so.
    "accounts": """
        INSERT INTO accounts_account (id, kind, name, status, timezone, stripe_customer,
                                      billing_name, billing_address, tax_id, included_minutes,
                                      included_anchor_day, created_at, agency_id)
        SELECT {account}, CASE WHEN g % 100 = 0 THEN 'agency'
                               WHEN g % 100 < 50 AND g >= 100 THEN 'sub_account'
                               ELSE 'individual' END,
               first[1 + g % 12] || ' ' || second[1 + g / 12 % 10]
                   || CASE WHEN g % 10 = 0 THEN ' Group ' ELSE ' ' END || g,
               CASE WHEN g % 50 = 7 THEN 'closed' ELSE 'active' END, 'UTC',
               CASE WHEN g % 3 = 0 THEN 'cus_' || g END, '', '', '', 0, 1, {moment},
               CASE WHEN g % 100 BETWEEN 1 AND 49 AND g >= 100
                    THEN md5('account ' || g - g % 100)::uuid END
        FROM generate_series(1, {wallets}) g, names""",
    "seats": """
        INSERT INTO accounts_membership (role, created_at, account_id, user_id)
        SELECT 'owner', {moment}, {account}, g FROM generate_series(1, {wallets}) g""",
    "wallets": """
        INSERT INTO wallets_wallet (id, currency, credit, premium_seconds, basic_seconds,
                                    included_seconds, default_payment_method, blocked_at,
                                    blocked_reason, account_id)
        SELECT g, 'USD', {held}, 0, 0, 0,
               CASE WHEN g % 3 = 0 THEN 'pm_' || g ELSE '' END,
               CASE WHEN g % 2000 = 3 THEN now() END,
               CASE WHEN g % 2000 = 3 THEN 'disputed' ELSE '' END, {account}
        FROM generate_series(1, {wallets}) g""",
    "settings": """
        INSERT INTO wallets_autorecharge (enabled, currency, threshold, amount, payment_method,
            resume_campaigns, consecutive_declines, hold_reason, low_armed, suspended_at,
            suspended_reason, failed_fingerprint, updated_at, wallet_id)
        SELECT g % 3 = 0, 'USD', 10, 50, '', true, 0, '', true,
               CASE WHEN g % 1000 = 9 THEN {moment} END,
               CASE WHEN g % 1000 = 9 THEN 'payment_failed' ELSE '' END, '', {moment}, g
        FROM generate_series(1, {wallets}) g""",
    "customers at Stripe": """
        INSERT INTO djstripe_customer (djstripe_created, djstripe_updated, stripe_data, id,
                                       livemode, created, email)
        SELECT now(), {moment}, jsonb_build_object('id', 'cus_' || g), 'cus_' || g, false, now(), ''
        FROM generate_series(3, {wallets}, 3) g""",
    "cards": """
        INSERT INTO djstripe_paymentmethod (djstripe_created, djstripe_updated, stripe_data, id,
                                            livemode, created, customer_id)
        SELECT now(), {moment}, jsonb_build_object('id', 'pm_' || g, 'card', jsonb_build_object(
                   'brand', 'visa', 'last4', lpad((g % 10000)::text, 4, '0'), 'exp_month', 1,
                   'exp_year', 2030, 'fingerprint', 'f' || g)),
               'pm_' || g, false, now(), 'cus_' || g
        FROM generate_series(3, {wallets}, 3) g""",
    "campaigns": """
        INSERT INTO campaigns_campaign (id, external_id, name, minute_type, status, pause_reason,
                                        paused_at, created_at, updated_at, account_id)
        SELECT g, 'camp-' || g, second[1 + g % 10] || ' reminders ' || g,
               CASE WHEN g % 3 = 0 THEN 'basic' ELSE 'premium' END,
               CASE WHEN g % 20 < 2 THEN 'paused' WHEN g % 20 < 10 THEN 'started'
                    ELSE 'complete' END,
               CASE g % 20 WHEN 0 THEN 'low_balance' WHEN 1 THEN 'manual' ELSE '' END,
               CASE WHEN g % 20 < 2 THEN {moment} END, {moment}, {moment}, {account}
        FROM generate_series(1, {wallets}) g, names""",
    "calls": """
        INSERT INTO campaigns_call (reporter, external_id, minute_type_sent, minute_type, seconds,
            ended_at, outcome, included_seconds, premium_seconds, basic_seconds, cost, batch,
            created_at, account_id, campaign_id)
        SELECT '00000000-0000-0000-0000-000000000000', 'call-' || g, '', 'premium', 60, {moment},
               CASE WHEN g % 10 = 0 THEN 'failed' ELSE 'completed' END, 0, 0, 0,
               CASE WHEN g % 10 = 0 THEN 0 ELSE 0.16 END, md5('batch ' || g / 1000)::uuid, {moment},
               {account}, g
        FROM generate_series(1, {wallets}) g""",
    "purchases": """
        INSERT INTO wallets_purchase (id, purpose, amount_cents, buys, premium_minutes,
            basic_minutes, payment_method, card, card_fingerprint, state, payment_intent, attempts,
            decline_code, error_text, quarantined_at, quarantine_reason, receipt_number,
            created_at, submitted_at, closed_at, payer_id, wallet_id)
        SELECT {purchase}, CASE WHEN g % 2 = 0 THEN 'auto_recharge' ELSE 'recharge' END,
               2000, 'credit', 0, 0, 'pm_' || g,
               'Visa •••• ' || lpad((g % 10000)::text, 4, '0'), 'f' || g, state, 'pi_' || g, 1,
               CASE state WHEN 'declined' THEN 'card_declined' ELSE '' END,
               CASE state WHEN 'declined' THEN 'Your card was declined.' ELSE '' END,
               CASE WHEN g % 20000 = 11 THEN {moment} END,
               CASE WHEN g % 20000 = 11 THEN 'Stripe took another amount' ELSE '' END,
               CASE state WHEN 'succeeded' THEN 1000 + g END, {moment}, {moment},
               CASE WHEN state <> 'submitted' THEN {moment} END, {account}, g
        FROM (SELECT g, CASE WHEN g % 40 = 5 THEN 'declined' WHEN g % 5000 = 6 THEN 'submitted'
                             ELSE 'succeeded' END AS state
              FROM generate_series(1, {wallets}) g) g""",
    "reversals": """
        INSERT INTO wallets_reversal (id, kind, amount_cents, state, stripe_id, reason, error_text,
                                      created_at, closed_at, purchase_id)
        SELECT md5('reversal ' || g)::uuid, CASE WHEN g % 500 = 0 THEN 'dispute' ELSE 'refund' END,
               100, 'succeeded', 're_' || g, 'Asked', '', {moment}, {moment}, {purchase}
        FROM generate_series(50, {wallets}, 50) g""",
    # An opening balance, then calls, and a recharge in a round that depends on the wallet: kinds
    # are spread over the year, and ids ascend with the moments.
    "entries": """
        INSERT INTO wallets_ledgerentry (pot, amount, balance_after, kind, key, note, occurred_at,
                                         created_at, purchase_id, wallet_id)
        SELECT 'credit', CASE WHEN r = 0 THEN {start} WHEN pays THEN 20 ELSE -2 END,
               {start} + 22 * ((r + g % {each}) / {each}) - 2 * r,
               CASE WHEN r = 0 THEN 'adjustment' WHEN NOT pays THEN 'calls'
                    WHEN g % 2 = 0 THEN 'auto_recharge' ELSE 'recharge' END,
               CASE WHEN r > 0 AND pays THEN 'purchase:' || {purchase}
                    ELSE 'calls:' || md5('batch ' || r || ' ' || g / 1000)::uuid END,
               '', at, at, CASE WHEN r > 0 AND pays THEN {purchase} END, g
        FROM (SELECT r, g, (r + g % {each}) % {each} = 0 AS pays,
                     now() - interval '1 year' * (1 - (r + g::float / {wallets}) / {each}) AS at
              FROM generate_series(0, {each} - 1) r, generate_series(1, {wallets}) g
              ORDER BY r, g) e""",
    "entries of the busy one": """
        INSERT INTO wallets_ledgerentry (pot, amount, balance_after, kind, key, note, occurred_at,
                                         created_at, wallet_id)
        SELECT CASE WHEN g = 1 THEN 'premium' ELSE 'credit' END,
               CASE WHEN g = 1 THEN 600 WHEN g = 2 THEN {busy} ELSE -1 END,
               CASE WHEN g = 1 THEN 600 ELSE {of_one} + {busy} - (g - 2) END,
               CASE WHEN g < 3 THEN 'adjustment' ELSE 'calls' END, 'busy:' || g, '', at, at, 1
        FROM (SELECT g, now() - interval '1 minute' * ({busy} - g) AS at
              FROM generate_series(1, {busy}) g) e""",
    "balance of the busy one": """
        UPDATE wallets_wallet SET credit = {of_one} + 2, premium_seconds = 600 WHERE id = 1""",
    "decisions": """
        INSERT INTO wallets_loggeddecision (subject, about, name, code, figures, first_at, last_at,
                                            times, wallet_id)
        SELECT CASE WHEN g % 2 = 0 THEN 'auto_recharge' ELSE 'autopause' END, '', '', 'charged',
               '{{"balance": "8.20"}}', {moment}, {moment}, 1, g
        FROM generate_series(1, {wallets}, 2) g""",
    "notifications": """
        INSERT INTO accounts_notification (mail_attempts, mailed_at, kind, level, title, text, data,
            link, audience, dedupe_key, created_at, account_id)
        SELECT 0, {moment}, 'recharged', 'info', 'Recharged', 'Your wallet was recharged.', '{{}}',
               '', 'all', '', {moment}, {account}
        FROM generate_series(1, {wallets}, 2) g""",
    "audit": """
        INSERT INTO accounts_auditentry (at, "table", operation, row, account_id, before, after,
                                         actor_id, actor, address, request_id, database_user)
        SELECT {moment}, CASE WHEN g % 3 = 0 THEN 'wallets_wallet' ELSE 'wallets_autorecharge' END,
               'update', g::text, {account}, '{{"threshold": 10}}', '{{"threshold": 20}}', g,
               'person' || g || '@example.test', '192.0.2.1', 'request-' || g, 'thinkrr'
        FROM generate_series(1, {wallets}, 2) g""",
    "actions of staff": """
        INSERT INTO accounts_staffaction (kind, subject, link, facts, reason, form_key, state,
            result, address, request_id, created_at, closed_at, account_id, actor_id)
        SELECT CASE WHEN g % 40 = 0 THEN 'refund' ELSE 'adjust' END, 'account ' || g, '', '{{}}',
               'Asked', 'form-' || g, 'done', 'Posted.', '192.0.2.1', 'request-' || g, {moment},
               {moment}, {account}, 1
        FROM generate_series(20, {wallets}, 20) g""",
    "allocations": """
        INSERT INTO wallets_autoallocation (id, basic_minutes, premium_minutes, payment_method,
            anchor_date, active, failed_at, created_at, updated_at, account_id, agency_id)
        SELECT g, 500, 0, 'pm_' || g, current_date - 300, true,
               CASE WHEN g % 400 = 1 THEN now() END, {moment}, {moment}, {account},
               md5('account ' || g - g % 100)::uuid
        FROM generate_series(101, {wallets}) g WHERE g % 100 BETWEEN 1 AND 20""",
    "allocation runs": """
        INSERT INTO wallets_allocationrun (period, basic_minutes, premium_minutes, basic_rate,
            premium_rate, amount_cents, charged_cents, state, attempts, error_text, created_at,
            closed_at, allocation_id)
        SELECT date_trunc('month', now())::date - interval '1 month' * m, 500, 0, 0.09, 0.16, 4500,
               CASE WHEN m > 0 OR g % 400 <> 1 THEN 4500 END,
               CASE WHEN m = 0 AND g % 400 = 1 THEN 'failed' ELSE 'paid' END, 1, '',
               now() - interval '1 month' * m, now() - interval '1 month' * m, g
        FROM generate_series(101, {wallets}) g, generate_series(0, 2) m
        WHERE g % 100 BETWEEN 1 AND 20""",
    "events": """
        INSERT INTO wallets_stripeevent (event_id, type, payload, received_at, applied_at, attempts,
                                         next_attempt_at, error, given_up_at)
        SELECT 'evt_' || g, 'payment_intent.succeeded', '{{"id": "evt"}}', {moment},
               CASE WHEN g % 10000 > 1 THEN {moment} END, 1, {moment}, '',
               CASE WHEN g % 10000 = 1 THEN {moment} END
        FROM generate_series(2, {wallets}, 2) g""",
    "keys": """
        INSERT INTO accounts_apikey (name, prefix, secret_hash, scopes, created_at, revoked_at,
                                     account_id)
        SELECT 'Key ' || g, 'p' || g, md5(g::text), '{{read}}', {moment},
               CASE WHEN g % 40 = 0 THEN {moment} END, {account}
        FROM generate_series(20, {wallets}, 20) g""",
    "invitations": """
        INSERT INTO accounts_invitation (mail_attempts, email, role, nonce, created_at, expires_at,
                                         account_id)
        SELECT 0, 'invited' || g || '@example.test', 'member', md5(g::text), {moment}, {moment},
               {account}
        FROM generate_series(50, {wallets}, 50) g""",
    "failed log-ins": """
        INSERT INTO accounts_failedlogin (email, ip, created_at)
        SELECT 'person' || g || '@example.test', '192.0.2.1', {moment}
        FROM generate_series(10, {wallets}, 10) g""",
    "alerts": """
        INSERT INTO accounts_staffalert (mail_attempts, kind, text, data, dedupe_key, created_at,
                                         closed_at)
        SELECT 0, CASE WHEN g % 4000 = 0 THEN 'books' ELSE 'purchase_unknown' END, 'Look at it.',
               '{{}}', '', {moment}, CASE WHEN g % 20000 > 0 THEN {moment} END
        FROM generate_series(200, {wallets}, 200) g""",
}

# Rebuilding an index once is far faster than keeping it through millions of rows.
INDEXES = """
SELECT i.indrelid::regclass::text, i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid)
FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND NOT i.indisprimary
  AND c.relname ~ '^(accounts_|wallets_|campaigns_|djstripe_(customer|paymentmethod)$)'
  AND NOT EXISTS (SELECT 1 FROM pg_constraint f
                  WHERE f.contype = 'f' AND f.conindid = i.indexrelid)
"""
SEQUENCES = """
SELECT setval(pg_get_serial_sequence(name, 'id'), 100000000)
FROM unnest(ARRAY['accounts_user', 'wallets_wallet', 'campaigns_campaign',
                  'wallets_autoallocation']) AS name
"""


def fill(*, wallets: int = WALLETS, busy: int = BUSY_ENTRIES) -> None:
    """Fill an empty, migrated database, and let the planner know."""
    names = (
        f"WITH names AS (SELECT string_to_array('{FIRST}', ',') AS first,"
        f" string_to_array('{SECOND}', ',') AS second) "
    )
    each, last = ENTRIES_OF_EACH, ENTRIES_OF_EACH - 1
    start = "CASE WHEN {g} % 500 = 0 THEN -10 ELSE 100 END"
    held = f"({start} + 22 * (({last} + {{g}} % {each}) / {each}) - 2 * {last})"
    values = {
        "wallets": wallets,
        "busy": busy,
        "each": each,
        "account": ACCOUNT.format("g"),
        "purchase": PURCHASE.format("g"),
        "moment": MOMENT.format(of=wallets, at="g"),
        "start": f"({start.format(g='g')})",
        "held": held.format(g="g"),
        "of_one": held.format(g=1),
    }
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(INDEXES)
        indexes = cursor.fetchall()
        for table, name, _ in indexes:
            cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {name}")
            cursor.execute(f"DROP INDEX IF EXISTS {name}")
        for title, sql in FILL.items():
            print(f"  {title} …", flush=True)
            with_names = names if ", names" in sql else ""
            cursor.execute(with_names + sql.format(**values))
        for _, _, definition in indexes:
            cursor.execute(definition)
        cursor.execute(SEQUENCES)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
