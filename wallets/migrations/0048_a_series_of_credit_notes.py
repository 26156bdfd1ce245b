"""Keep the last number of a credit note in a row of its own: the note may move to another cell with
its agency, and its number must not be given again."""

from importlib import import_module

from django.db import migrations, models

from accounts.cells.home import HOME, Home

COUNTED_ON = """
CREATE OR REPLACE FUNCTION wallets_number_credit_note() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    highest bigint;
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.credit_note_number IS NOT NULL THEN
        NEW.credit_note_number := OLD.credit_note_number;
        NEW.credit_note_at := COALESCE(OLD.credit_note_at, OLD.closed_at, OLD.created_at);
    ELSIF NEW.kind = 'refund' AND NEW.state = 'succeeded' THEN
        LOOP
            UPDATE wallets_creditnoteseries SET last = last + 1 WHERE id = 1
                RETURNING last INTO NEW.credit_note_number;
            EXIT WHEN FOUND;
            SELECT COALESCE(max(credit_note_number), 1000) INTO highest FROM wallets_reversal;
            INSERT INTO wallets_creditnoteseries (id, last) VALUES (1, highest)
                ON CONFLICT DO NOTHING;
        END LOOP;
        NEW.credit_note_at := COALESCE(NEW.closed_at, NEW.created_at);
    ELSE
        NEW.credit_note_number := NULL;
    END IF;
    RETURN NEW;
END;
$$;
"""
_issued = import_module("wallets.migrations.0035_when_a_credit_note_was_issued").ISSUED
HIGHEST_AND_ONE = _issued[: _issued.index("UPDATE wallets_reversal")]


class Migration(migrations.Migration):
    dependencies = [("wallets", "0047_papers_are_posted_on_shards")]

    operations = [
        migrations.CreateModel(
            name="CreditNoteSeries",
            fields=[
                ("id", models.PositiveSmallIntegerField(primary_key=True, serialize=False)),
                ("last", models.BigIntegerField()),
            ],
            options={"verbose_name_plural": "credit note series"},
        ),
        migrations.RunSQL(COUNTED_ON, HIGHEST_AND_ONE, hints={HOME: Home.BOTH}),
    ]
