"""Note the changes of Auto-Recharge, of minutes given once, and of asking for them."""

from django.db import migrations

FUNCTIONS = """
CREATE OR REPLACE FUNCTION wallets_note_purchase() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.purpose IN ('recharge', 'auto_recharge') THEN
        PERFORM accounts_note_change(NEW.payer_id, 'recharge', NEW.id::text, clock_timestamp());
    ELSIF NEW.allocation_run_id IS NULL THEN
        PERFORM accounts_note_change(NEW.payer_id, 'gift', NEW.id::text, clock_timestamp());
    END IF;
    IF NEW.state = 'succeeded' THEN
        PERFORM accounts_note_change(NEW.payer_id, 'receipt', NEW.id::text, clock_timestamp());
    END IF;
    RETURN NULL;
END;
$$;

CREATE FUNCTION wallets_note_settings() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM accounts_note_change(
        w.account_id, 'auto_recharge', w.account_id::text, clock_timestamp()
    ) FROM wallets_wallet w WHERE w.id = NEW.wallet_id;
    RETURN NULL;
END;
$$;

CREATE FUNCTION wallets_note_ask() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM accounts_note_change(NEW.agency_id, 'ask', NEW.id::text, clock_timestamp());
    PERFORM accounts_note_change(NEW.account_id, 'ask', NEW.id::text, clock_timestamp());
    RETURN NULL;
END;
$$;
"""
# What the API shows of each. Reports of calls move other columns of the settings.
SHOWN = {
    "wallets_autorecharge": (
        "settings",
        "enabled threshold amount payment_method monthly_limit daily_ceiling resume_campaigns"
        " suspended_at suspended_reason hold_reason not_before minutes_level updated_at",
    ),
    "wallets_minuteask": ("ask", "state answer purchase_id closed_at"),
}


# Settings that nobody has set yet are those a wallet is opened with: nothing to tell.
ASKED = """
CREATE TRIGGER wallets_minuteask_made_known AFTER INSERT ON wallets_minuteask
    FOR EACH ROW EXECUTE FUNCTION wallets_note_ask();
"""


def _watch(table: str, function: str, columns: str) -> str:
    old, new = (", ".join(f"{row}.{name}" for name in columns.split()) for row in ("OLD", "NEW"))
    return f"""
CREATE TRIGGER {table}_changes_known AFTER UPDATE ON {table}
    FOR EACH ROW WHEN (({old}) IS DISTINCT FROM ({new}))
    EXECUTE FUNCTION wallets_note_{function}();
"""


WATCH = ASKED + "".join(_watch(table, *shown) for table, shown in SHOWN.items())
FILLED = """
INSERT INTO accounts_change (account_id, kind, object_id, changed_at, sequence, numbered_at)
SELECT account, kind, object, at, nextval('accounts_change_number'), now()
FROM (
    SELECT payer_id AS account, 'gift' AS kind, id::text AS object,
        COALESCE(closed_at, created_at) AS at
    FROM wallets_purchase WHERE purpose = 'allocation' AND allocation_run_id IS NULL
    UNION ALL
    SELECT w.account_id, 'auto_recharge', w.account_id::text, a.updated_at
    FROM wallets_autorecharge a JOIN wallets_wallet w ON w.id = a.wallet_id
    WHERE a.enabled OR a.suspended_at IS NOT NULL
    UNION ALL
    SELECT agency_id, 'ask', id::text, COALESCE(closed_at, created_at) FROM wallets_minuteask
    UNION ALL
    SELECT account_id, 'ask', id::text, COALESCE(closed_at, created_at) FROM wallets_minuteask
    ORDER BY at
) AS rows
ON CONFLICT DO NOTHING;
INSERT INTO accounts_numbering (id, at) SELECT 1, now() WHERE EXISTS (SELECT 1 FROM accounts_change)
ON CONFLICT (id) DO NOTHING;
"""
UNWATCH = "DROP TRIGGER wallets_minuteask_made_known ON wallets_minuteask;" + "".join(
    f"DROP TRIGGER {table}_changes_known ON {table};DROP FUNCTION wallets_note_{function};"
    for table, (function, _) in SHOWN.items()
)
UNWATCH += """
CREATE OR REPLACE FUNCTION wallets_note_purchase() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.purpose IN ('recharge', 'auto_recharge') THEN
        PERFORM accounts_note_change(NEW.payer_id, 'recharge', NEW.id::text, clock_timestamp());
    END IF;
    IF NEW.state = 'succeeded' THEN
        PERFORM accounts_note_change(NEW.payer_id, 'receipt', NEW.id::text, clock_timestamp());
    END IF;
    RETURN NULL;
END;
$$;
DELETE FROM accounts_change WHERE kind IN ('gift', 'auto_recharge', 'ask');
"""


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0019_more_kinds_of_changes"),
        ("wallets", "0039_webhooks"),
    ]

    operations = [migrations.RunSQL(FUNCTIONS + WATCH + FILLED, UNWATCH)]
