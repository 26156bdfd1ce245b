"""Number the credit note of each refund when it is made, whoever writes the row."""

from django.db import migrations, models

NUMBER = """
CREATE SEQUENCE wallets_credit_note_number START 1001;
CREATE FUNCTION wallets_number_credit_note() RETURNS trigger LANGUAGE plpgsql AS $$
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
CREATE TRIGGER wallets_credit_notes_numbered BEFORE INSERT OR UPDATE ON wallets_reversal
    FOR EACH ROW EXECUTE FUNCTION wallets_number_credit_note();
DO $$
DECLARE one uuid;
BEGIN
    FOR one IN SELECT id FROM wallets_reversal
        WHERE kind = 'refund' AND state = 'succeeded' ORDER BY closed_at, created_at, id
    LOOP
        UPDATE wallets_reversal SET state = state WHERE id = one;
    END LOOP;
END;
$$;
"""

FORGET = """
DROP TRIGGER wallets_credit_notes_numbered ON wallets_reversal;
DROP FUNCTION wallets_number_credit_note();
DROP SEQUENCE wallets_credit_note_number;
"""


class Migration(migrations.Migration):
    dependencies = [("wallets", "0026_each_notice_in_its_turn")]

    operations = [
        migrations.AddField(
            model_name="reversal",
            name="credit_note_number",
            field=models.BigIntegerField(editable=False, null=True, unique=True),
        ),
        migrations.RunSQL(NUMBER, FORGET),
    ]
