"""Number credit notes one after the other: what is undone leaves no number out.

A sequence counts on whatever becomes of the transaction. Whoever makes a refund waits here until
the one before it is written or undone; nothing but the writing itself lies in between.
"""

from django.db import migrations

NUMBER = """
CREATE OR REPLACE FUNCTION wallets_number_credit_note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.credit_note_number IS NOT NULL THEN
        NEW.credit_note_number := OLD.credit_note_number;
    ELSIF NEW.kind = 'refund' AND NEW.state = 'succeeded' THEN
        PERFORM pg_advisory_xact_lock(hashtextextended('wallets_credit_note_number', 0));
        SELECT COALESCE(max(credit_note_number), 1000) + 1 INTO NEW.credit_note_number
            FROM wallets_reversal;
    ELSE
        NEW.credit_note_number := NULL;
    END IF;
    RETURN NEW;
END;
$$;
DROP SEQUENCE wallets_credit_note_number;
"""

BY_SEQUENCE = """
CREATE SEQUENCE wallets_credit_note_number START 1001;
SELECT setval('wallets_credit_note_number', max(credit_note_number)) FROM wallets_reversal
    HAVING max(credit_note_number) IS NOT NULL;
CREATE OR REPLACE FUNCTION wallets_number_credit_note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.credit_note_number IS NOT NULL THEN
        NEW.credit_note_number := OLD.credit_note_number;
    ELSIF NEW.kind = 'refund' AND NEW.state = 'succeeded' THEN
        NEW.credit_note_number := nextval('wallets_credit_note_number');
    ELSE
        NEW.credit_note_number := NULL;
    END IF;
    RETURN NEW;
END;
$$;
"""


class Migration(migrations.Migration):
    dependencies = [("wallets", "0033_sellers_are_audited")]

    operations = [migrations.RunSQL(NUMBER, BY_SEQUENCE)]
