"""Keep when a credit note was issued: a refund that fails later is closed at another moment.

What it says to the customer is a fact as well.
"""

from django.db import migrations, models

_NUMBER = """
CREATE OR REPLACE FUNCTION wallets_number_credit_note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.credit_note_number IS NOT NULL THEN
        NEW.credit_note_number := OLD.credit_note_number;
        {keep}
    ELSIF NEW.kind = 'refund' AND NEW.state = 'succeeded' THEN
        PERFORM pg_advisory_xact_lock(hashtextextended('wallets_credit_note_number', 0));
        SELECT COALESCE(max(credit_note_number), 1000) + 1 INTO NEW.credit_note_number
            FROM wallets_reversal;
        {issue}
    ELSE
        NEW.credit_note_number := NULL;
    END IF;
    RETURN NEW;
END;
$$;
"""
# What is older has no other moment than the one it was closed at.
ISSUED = (
    _NUMBER.format(
        keep="NEW.credit_note_at := COALESCE(OLD.credit_note_at, OLD.closed_at, OLD.created_at);",
        issue="NEW.credit_note_at := COALESCE(NEW.closed_at, NEW.created_at);",
    )
    + """
UPDATE wallets_reversal SET state = state WHERE credit_note_number IS NOT NULL;
"""
)
NUMBERED = _NUMBER.format(keep="", issue="")

_FACTS = """
DROP TRIGGER wallets_reversals_are_facts ON wallets_reversal;
CREATE TRIGGER wallets_reversals_are_facts BEFORE UPDATE ON wallets_reversal
    FOR EACH ROW WHEN (
        (NEW.id, NEW.purchase_id, NEW.kind, NEW.amount_cents, NEW.form_key, NEW.actor_id,
         NEW.reason, {new}NEW.created_at)
        IS DISTINCT FROM
        (OLD.id, OLD.purchase_id, OLD.kind, OLD.amount_cents, OLD.form_key, OLD.actor_id,
         OLD.reason, {old}OLD.created_at)
        OR (OLD.stripe_id IS NOT NULL AND NEW.stripe_id IS DISTINCT FROM OLD.stripe_id))
    EXECUTE FUNCTION wallets_forbid_change();
"""
WITH_NOTE = _FACTS.format(new="NEW.customer_note, ", old="OLD.customer_note, ")
WITHOUT_NOTE = _FACTS.format(new="", old="")


class Migration(migrations.Migration):
    dependencies = [("wallets", "0034_credit_notes_without_gaps")]

    operations = [
        migrations.AddField(
            model_name="reversal",
            name="credit_note_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.RunSQL(WITH_NOTE, WITHOUT_NOTE),
        migrations.RunSQL(ISSUED, NUMBERED),
    ]
