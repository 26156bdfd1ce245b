"""Make entries, purchases and rates tell the truth even to shell users and bulk updates.

Entries and rates are append-only. A purchase keeps its frozen facts, never leaves a terminal
state, and is never deleted.
"""

from django.db import migrations

FORBID = """
CREATE FUNCTION wallets_forbid_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: correct it with a new row (% refused)',
        TG_TABLE_NAME, TG_OP;
END;
$$;

CREATE TRIGGER wallets_entries_append_only BEFORE UPDATE OR DELETE ON wallets_ledgerentry
    FOR EACH ROW EXECUTE FUNCTION wallets_forbid_change();
CREATE TRIGGER wallets_entries_never_truncated BEFORE TRUNCATE ON wallets_ledgerentry
    FOR EACH STATEMENT EXECUTE FUNCTION wallets_forbid_change();
CREATE TRIGGER wallets_rates_append_only BEFORE UPDATE OR DELETE ON wallets_minuterate
    FOR EACH ROW EXECUTE FUNCTION wallets_forbid_change();
CREATE TRIGGER wallets_rates_never_truncated BEFORE TRUNCATE ON wallets_minuterate
    FOR EACH STATEMENT EXECUTE FUNCTION wallets_forbid_change();
CREATE TRIGGER wallets_purchases_never_deleted BEFORE DELETE ON wallets_purchase
    FOR EACH ROW EXECUTE FUNCTION wallets_forbid_change();
CREATE TRIGGER wallets_purchases_never_truncated BEFORE TRUNCATE ON wallets_purchase
    FOR EACH STATEMENT EXECUTE FUNCTION wallets_forbid_change();
CREATE TRIGGER wallets_reversals_never_deleted BEFORE DELETE ON wallets_reversal
    FOR EACH ROW EXECUTE FUNCTION wallets_forbid_change();
CREATE TRIGGER wallets_reversals_never_truncated BEFORE TRUNCATE ON wallets_reversal
    FOR EACH STATEMENT EXECUTE FUNCTION wallets_forbid_change();

CREATE FUNCTION wallets_guard_purchase() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.payer_id, NEW.wallet_id, NEW.purpose, NEW.amount_cents, NEW.buys, NEW.premium_rate,
        NEW.basic_rate, NEW.premium_minutes, NEW.basic_minutes, NEW.allocation_run_id,
        NEW.payment_method, NEW.form_key, NEW.created_at)
       IS DISTINCT FROM
       (OLD.payer_id, OLD.wallet_id, OLD.purpose, OLD.amount_cents, OLD.buys, OLD.premium_rate,
        OLD.basic_rate, OLD.premium_minutes, OLD.basic_minutes, OLD.allocation_run_id,
        OLD.payment_method, OLD.form_key, OLD.created_at) THEN
        RAISE EXCEPTION 'the facts of purchase % are frozen', OLD.id;
    END IF;
    IF OLD.state IN ('succeeded', 'declined', 'canceled') AND NEW.state <> OLD.state THEN
        RAISE EXCEPTION 'purchase % is %, which is final', OLD.id, OLD.state;
    END IF;
    IF OLD.state <> 'created' AND NEW.state = 'created' THEN
        RAISE EXCEPTION 'purchase % was submitted and cannot be created again', OLD.id;
    END IF;
    IF OLD.payment_intent IS NOT NULL AND NEW.payment_intent IS DISTINCT FROM OLD.payment_intent
    THEN
        RAISE EXCEPTION 'purchase % has its one payment intent already', OLD.id;
    END IF;
    RETURN NEW;
END;
$$;
CREATE TRIGGER wallets_purchases_guarded BEFORE UPDATE ON wallets_purchase
    FOR EACH ROW EXECUTE FUNCTION wallets_guard_purchase();

CREATE SEQUENCE wallets_receipt_number START 1001;
"""

ALLOW = """
DROP SEQUENCE wallets_receipt_number;
DROP TRIGGER wallets_purchases_guarded ON wallets_purchase;
DROP FUNCTION wallets_guard_purchase();
DROP FUNCTION wallets_forbid_change() CASCADE;
"""

# The public prices, in force since before the first call.
RATES = """
INSERT INTO wallets_minuterate (minute_type, price, currency, effective_from, created_at)
VALUES ('premium', 0.16, 'USD', '2020-01-01T00:00:00Z', '2020-01-01T00:00:00Z'),
       ('basic', 0.09, 'USD', '2020-01-01T00:00:00Z', '2020-01-01T00:00:00Z')
"""


class Migration(migrations.Migration):
    dependencies = [("wallets", "0001_initial")]
    operations = [
        migrations.RunSQL(FORBID, ALLOW),
        migrations.RunSQL(RATES, migrations.RunSQL.noop),
    ]
