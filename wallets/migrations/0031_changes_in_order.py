"""Note the changes of recharges, receipts and monthly allocations for whoever follows them."""

from django.db import migrations

FUNCTIONS = """
CREATE FUNCTION wallets_note_purchase() RETURNS trigger LANGUAGE plpgsql AS $$
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

CREATE FUNCTION wallets_note_reversal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM accounts_note_change(p.payer_id, 'receipt', p.id::text, clock_timestamp())
    FROM wallets_purchase p WHERE p.id = NEW.purchase_id AND p.state = 'succeeded';
    RETURN NULL;
END;
$$;

CREATE FUNCTION wallets_note_allocation() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM accounts_note_change(NEW.agency_id, 'allocation', NEW.account_id::text, clock_timestamp());
    PERFORM accounts_note_change(NEW.account_id, 'allocation', NEW.account_id::text, clock_timestamp());
    RETURN NULL;
END;
$$;

CREATE FUNCTION wallets_note_run() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM accounts_note_change(a.agency_id, 'allocation', a.account_id::text, clock_timestamp()),
        accounts_note_change(a.account_id, 'allocation', a.account_id::text, clock_timestamp())
    FROM wallets_autoallocation a WHERE a.id = NEW.allocation_id;
    RETURN NULL;
END;
$$;
"""
# What the API shows of each. What only queues and support look at is left out.
SHOWN = {
    "wallets_purchase": ("purchase", "state card error_text receipt_number closed_at"),
    "wallets_reversal": ("reversal", "state amount_cents credit_note_number closed_at"),
    "wallets_autoallocation": (
        "allocation",
        "agency_id basic_minutes premium_minutes payment_method anchor_date active skip_period"
        " failed_at",
    ),
    "wallets_allocationrun": ("run", "state charged_cents next_attempt_at error_text closed_at"),
}


def _watch(table: str, function: str, columns: str) -> str:
    old, new = (", ".join(f"{row}.{name}" for name in columns.split()) for row in ("OLD", "NEW"))
    return f"""
CREATE TRIGGER {table}_made_known AFTER INSERT ON {table}
    FOR EACH ROW EXECUTE FUNCTION wallets_note_{function}();
CREATE TRIGGER {table}_changes_known AFTER UPDATE ON {table}
    FOR EACH ROW WHEN (({old}) IS DISTINCT FROM ({new}))
    EXECUTE FUNCTION wallets_note_{function}();
"""


WATCH = "".join(_watch(table, *shown) for table, shown in SHOWN.items())
UNWATCH = "".join(
    f"DROP TRIGGER {table}_made_known ON {table}; DROP TRIGGER {table}_changes_known ON {table};"
    f"DROP FUNCTION wallets_note_{function};"
    for table, (function, _) in SHOWN.items()
)
FILLED = """
INSERT INTO accounts_change (account_id, kind, object_id, changed_at, sequence, numbered_at)
SELECT account, kind, object, at, nextval('accounts_change_number'), now()
FROM (
    SELECT payer_id AS account, 'recharge' AS kind, id::text AS object,
        COALESCE(closed_at, created_at) AS at
    FROM wallets_purchase WHERE purpose IN ('recharge', 'auto_recharge')
    UNION ALL
    SELECT payer_id, 'receipt', id::text, closed_at FROM wallets_purchase WHERE state = 'succeeded'
    UNION ALL
    SELECT agency_id, 'allocation', account_id::text, updated_at FROM wallets_autoallocation
    UNION ALL
    SELECT account_id, 'allocation', account_id::text, updated_at FROM wallets_autoallocation
    ORDER BY at
) AS rows
ON CONFLICT DO NOTHING;
INSERT INTO accounts_numbering (id, at) SELECT 1, now() WHERE EXISTS (SELECT 1 FROM accounts_change)
ON CONFLICT (id) DO NOTHING;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0014_changes_in_order"),
        ("wallets", "0030_papers_are_frozen"),
    ]

    operations = [migrations.RunSQL(FUNCTIONS + WATCH + FILLED, UNWATCH)]
