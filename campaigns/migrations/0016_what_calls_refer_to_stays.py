"""Check the accounts and campaigns of calls once a statement, as wallets' 0044 does of entries."""

from django.db import migrations

# Where the campaign is of the call's account, its own key says that the account is there.
CHECK = """
CREATE FUNCTION campaigns_check_references() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wrong record;
BEGIN
    SELECT k.account_id, k.campaign_id INTO wrong FROM written k
    WHERE (SELECT c.account_id FROM campaigns_campaign c WHERE c.id = k.campaign_id)
              IS DISTINCT FROM k.account_id
      AND ((SELECT a.id FROM accounts_account a WHERE a.id = k.account_id) IS NULL
           OR (k.campaign_id IS NOT NULL
               AND (SELECT c.id FROM campaigns_campaign c WHERE c.id = k.campaign_id) IS NULL))
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'a call is of account % and campaign %, which are not both there',
                        wrong.account_id, COALESCE(wrong.campaign_id::text, 'none')
            USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NULL;
END;
$$;
CREATE TRIGGER campaigns_calls_checked AFTER INSERT ON campaigns_call
    REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION campaigns_check_references();
"""
NO_CHECK = """
ALTER TABLE campaigns_call
    VALIDATE CONSTRAINT campaigns_call_account_id_9e249a7c_fk_accounts_account_id;
ALTER TABLE campaigns_call
    VALIDATE CONSTRAINT campaigns_call_campaign_id_f97905b6_fk_campaigns_campaign_id;
DROP TRIGGER campaigns_calls_checked ON campaigns_call;
DROP FUNCTION campaigns_check_references();
"""
STAY = """
CREATE TRIGGER {rows}_never_deleted BEFORE DELETE ON {table}
    FOR EACH ROW EXECUTE FUNCTION wallets_forbid_removal();
CREATE TRIGGER {rows}_keep_their_keys AFTER UPDATE ON {table}
    FOR EACH ROW WHEN (NEW.id IS DISTINCT FROM OLD.id) EXECUTE FUNCTION wallets_forbid_removal();
CREATE TRIGGER {rows}_never_truncated BEFORE TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION wallets_forbid_removal();
"""
GO = """
DROP TRIGGER {rows}_never_truncated ON {table};
DROP TRIGGER {rows}_keep_their_keys ON {table};
DROP TRIGGER {rows}_never_deleted ON {table};
"""
CAMPAIGNS = {"rows": "campaigns", "table": "campaigns_campaign"}
ACCOUNTS = {"rows": "accounts", "table": "accounts_account"}

FORWARDS = CHECK + STAY.format(**CAMPAIGNS) + STAY.format(**ACCOUNTS)
BACKWARDS = NO_CHECK + GO.format(**CAMPAIGNS) + GO.format(**ACCOUNTS)


class Migration(migrations.Migration):
    allowed = {
        "narrower": "the keys refuse such calls, and no code deletes what they name",
        "transition-beside-table": "a later one gives the function another form",
    }

    dependencies = [
        ("campaigns", "0015_days_kept_before_are_summed"),
        ("wallets", "0044_what_entries_refer_to_stays"),
    ]
    operations = [migrations.RunSQL(FORWARDS, BACKWARDS)]
