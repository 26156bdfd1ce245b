"""Check the wallets of entries once a statement. Wallets stay and keep their keys, so that one
which an entry has found is never missing later, whatever is done at the same time."""

from django.db import migrations

# A look into the index for each: a join would read all wallets for a large batch, and its plan is
# kept for the small ones after it.
FORWARDS = """
CREATE FUNCTION wallets_check_references() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    missing bigint;
BEGIN
    SELECT e.wallet_id INTO missing FROM written e
    WHERE (SELECT w.id FROM wallets_wallet w WHERE w.id = e.wallet_id) IS NULL LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'an entry is of wallet %, which is not there', missing
            USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NULL;
END;
$$;
CREATE TRIGGER wallets_entries_checked AFTER INSERT ON wallets_ledgerentry
    REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION wallets_check_references();

CREATE FUNCTION wallets_forbid_removal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of % stay and keep their keys, entries and calls refer to them'
                    ' (% refused)', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'foreign_key_violation';
END;
$$;
CREATE TRIGGER wallets_never_deleted BEFORE DELETE ON wallets_wallet
    FOR EACH ROW EXECUTE FUNCTION wallets_forbid_removal();
CREATE TRIGGER wallets_keep_their_keys AFTER UPDATE ON wallets_wallet
    FOR EACH ROW WHEN (NEW.id IS DISTINCT FROM OLD.id) EXECUTE FUNCTION wallets_forbid_removal();
CREATE TRIGGER wallets_never_truncated BEFORE TRUNCATE ON wallets_wallet
    FOR EACH STATEMENT EXECUTE FUNCTION wallets_forbid_removal();
"""

BACKWARDS = """
ALTER TABLE wallets_ledgerentry
    VALIDATE CONSTRAINT wallets_ledgerentry_wallet_id_686913ed_fk_wallets_wallet_id;
DROP TRIGGER wallets_entries_checked ON wallets_ledgerentry;
DROP FUNCTION wallets_check_references();
DROP TRIGGER wallets_never_truncated ON wallets_wallet;
DROP TRIGGER wallets_keep_their_keys ON wallets_wallet;
DROP TRIGGER wallets_never_deleted ON wallets_wallet;
DROP FUNCTION wallets_forbid_removal();
"""


class Migration(migrations.Migration):
    allowed = {
        "narrower": "the key refuses such entries, and no code deletes a wallet",
        "transition-beside-table": "a later one gives the function another form",
    }

    dependencies = [("wallets", "0043_no_index_on_credit")]
    operations = [migrations.RunSQL(FORWARDS, BACKWARDS)]
