"""Posting a paper is plpgsql, as accounts' functions for shards are and for their reason; and rows
that are inserted come of one distributed table (Citus), or are looked up."""

from importlib import import_module

from django.db import migrations

_before = import_module("wallets.migrations.0032_billing_addresses").POST
_as_it_was = import_module("accounts.migrations.0021_functions_for_shards").as_it_was

POST = """
CREATE OR REPLACE FUNCTION wallets_post_paper(
    kind text, paid uuid, back uuid, at timestamptz)
RETURNS void LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
    INSERT INTO wallets_papermail
        (address_id, kind, purchase_id, reversal_id, created_at, look_at, mail_due_at,
         mail_attempts, tries)
    SELECT address.id, kind, CASE WHEN back IS NULL THEN paid END, back, at, at, at, 0, 0
    FROM wallets_billingaddress AS address
    WHERE address.account_id = (SELECT p.payer_id FROM wallets_purchase AS p WHERE p.id = paid)
        AND address.wants_receipts AND address.confirmed_at IS NOT NULL
        AND address.removed_at IS NULL AND address.refused_at IS NULL
    ORDER BY address.id
    ON CONFLICT DO NOTHING;
END;
$$;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0021_functions_for_shards"),
        ("wallets", "0046_entries_are_read_before_wallets"),
    ]
    operations = [migrations.RunSQL(POST, _as_it_was(_before, "wallets_post_paper"))]
