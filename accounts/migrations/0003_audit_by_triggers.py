"""Write every change of people, rights, keys and accounts into the audit log, by triggers.

`accounts_audit(ignored, secret, account)` is for the tables of other apps, too: columns whose
change alone is not noted, columns whose value is not shown, and a query that finds the account
by the row as jsonb where the row does not name it.
"""

from django.db import migrations

from accounts.audited import unwatch, watch

FUNCTIONS = """
CREATE FUNCTION accounts_audit() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    ignored text[] := string_to_array(COALESCE(TG_ARGV[0], ''), ',');
    secret text[] := string_to_array(COALESCE(TG_ARGV[1], ''), ',');
    told jsonb := NULLIF(current_setting('thinkrr.audit', true), '')::jsonb;
    old_row jsonb;
    new_row jsonb;
    any_row jsonb;
    name text;
    account uuid;
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        any_row := '{}';
    ELSE
        IF TG_OP <> 'INSERT' THEN old_row := to_jsonb(OLD) - ignored; END IF;
        IF TG_OP <> 'DELETE' THEN new_row := to_jsonb(NEW) - ignored; END IF;
        IF TG_OP = 'DELETE' THEN any_row := to_jsonb(OLD); ELSE any_row := to_jsonb(NEW); END IF;
    END IF;
    IF TG_OP = 'UPDATE' THEN
        IF old_row = new_row THEN RETURN NULL; END IF;
        FOR name IN SELECT jsonb_object_keys(old_row) LOOP
            IF old_row -> name = new_row -> name THEN
                old_row := old_row - name;
                new_row := new_row - name;
            END IF;
        END LOOP;
    END IF;
    FOREACH name IN ARRAY secret LOOP
        IF old_row ? name THEN old_row := jsonb_set(old_row, ARRAY[name], '"(secret)"'); END IF;
        IF new_row ? name THEN new_row := jsonb_set(new_row, ARRAY[name], '"(secret)"'); END IF;
    END LOOP;
    IF COALESCE(TG_ARGV[2], '') <> '' THEN
        EXECUTE TG_ARGV[2] INTO account USING any_row;
    ELSE
        account := (any_row ->> 'account_id')::uuid;
    END IF;
    INSERT INTO accounts_auditentry
        (at, "table", operation, "row", account_id, before, after, actor_id, actor, address,
         request_id, database_user)
    VALUES
        (clock_timestamp(), TG_TABLE_NAME, lower(TG_OP), COALESCE(any_row ->> 'id', ''), account,
         old_row, new_row, (told ->> 'actor_id')::bigint, COALESCE(told ->> 'actor', ''),
         COALESCE(told ->> 'address', ''), COALESCE(told ->> 'request_id', ''), session_user);
    RETURN NULL;
END;
$$;

CREATE FUNCTION accounts_forbid_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% tells what happened and is never changed (% refused)',
        TG_TABLE_NAME, TG_OP;
END;
$$;
CREATE TRIGGER accounts_audit_append_only BEFORE UPDATE OR DELETE ON accounts_auditentry
    FOR EACH ROW EXECUTE FUNCTION accounts_forbid_change();
CREATE TRIGGER accounts_audit_never_truncated BEFORE TRUNCATE ON accounts_auditentry
    FOR EACH STATEMENT EXECUTE FUNCTION accounts_forbid_change();
CREATE TRIGGER accounts_staff_actions_never_deleted BEFORE DELETE ON accounts_staffaction
    FOR EACH ROW EXECUTE FUNCTION accounts_forbid_change();
CREATE TRIGGER accounts_staff_actions_never_truncated BEFORE TRUNCATE ON accounts_staffaction
    FOR EACH STATEMENT EXECUTE FUNCTION accounts_forbid_change();
CREATE TRIGGER accounts_staff_actions_final BEFORE UPDATE ON accounts_staffaction
    FOR EACH ROW WHEN (OLD.state <> 'started') EXECUTE FUNCTION accounts_forbid_change();
"""

DROPPED = """
DROP FUNCTION accounts_forbid_change() CASCADE;
DROP FUNCTION accounts_audit() CASCADE;
"""

# table: (columns whose change alone is not noted, secret columns, how to find the account)
WATCHED = {
    "accounts_user": ("last_login,theme", "password", ""),
    "accounts_user_groups": ("", "", ""),
    "accounts_user_user_permissions": ("", "", ""),
    "accounts_account": ("", "", "SELECT ($1->>'id')::uuid"),
    "accounts_membership": ("", "", ""),
    "accounts_apikey": ("last_used_at", "secret_hash", ""),
    "accounts_invitation": ("mail_due_at,mail_attempts,mailed_at", "nonce", ""),
    "auth_group": ("", "", ""),
    "auth_group_permissions": ("", "", ""),
    "otp_totp_totpdevice": (
        "drift,last_t,last_used_at,throttling_failure_timestamp,throttling_failure_count",
        "key",
        "",
    ),
    "otp_static_staticdevice": (
        "last_used_at,throttling_failure_timestamp,throttling_failure_count",
        "",
        "",
    ),
    "otp_static_statictoken": ("", "token", ""),
}


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_staff_actions_and_audit"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("otp_totp", "0003_add_timestamps"),
        ("otp_static", "0003_add_timestamps"),
    ]
    operations = [
        migrations.RunSQL(FUNCTIONS, DROPPED),
        *[migrations.RunSQL(watch(table, *how), unwatch(table)) for table, how in WATCHED.items()],
    ]
