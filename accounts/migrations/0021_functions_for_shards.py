"""Functions that a trigger calls on a shard (Citus): written in plpgsql, since the values of SQL
functions do not reach a distributed table, and noting a shard by the name of its table."""

from importlib import import_module

from django.db import migrations

_changes = import_module("accounts.migrations.0014_changes_in_order").MADE
_webhooks = import_module("accounts.migrations.0018_webhooks").TELLS
_audit = import_module("accounts.migrations.0003_audit_by_triggers").FUNCTIONS

# A shard is called like its table, with a number behind it.
TABLE = "regexp_replace(TG_TABLE_NAME, '_[0-9]+$', '')"

NOTE = """
CREATE OR REPLACE FUNCTION accounts_note_change(
    account uuid, kind text, object text, at timestamptz)
RETURNS void LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
    INSERT INTO accounts_change AS c (account_id, kind, object_id, changed_at)
    VALUES (account, kind, object, at)
    ON CONFLICT (account_id, kind, object_id) DO UPDATE SET
        changed_at = GREATEST(c.changed_at, EXCLUDED.changed_at),
        sequence = NULL, numbered_at = NULL, is_late = false;
END;
$$;
"""
WANTED = """
CREATE OR REPLACE FUNCTION accounts_webhook_wanted(about uuid, only_agency boolean, type text)
RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN EXISTS (
        SELECT 1 FROM accounts_webhookendpoint e
        WHERE e.disabled_at IS NULL AND (cardinality(e.events) = 0 OR type = ANY(e.events))
            AND (about IS NULL OR e.account_id = ANY(ARRAY[
                CASE WHEN NOT only_agency THEN about END,
                (SELECT a.agency_id FROM accounts_account a WHERE a.id = about)])));
END;
$$;
"""


def as_it_was(statements: str, function: str) -> str:
    """What another migration created, to take its place again."""
    form = statements[statements.index(f"CREATE FUNCTION {function}(") :]
    return form[: form.index("$$;") + len("$$;")].replace("CREATE", "CREATE OR REPLACE", 1)


AUDIT = as_it_was(_audit, "accounts_audit")

FORWARDS = NOTE + WANTED + AUDIT.replace("TG_TABLE_NAME,", f"{TABLE},")
BACKWARDS = (
    as_it_was(_changes, "accounts_note_change")
    + as_it_was(_webhooks, "accounts_webhook_wanted")
    + AUDIT
)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0020_answers_are_kept")]
    operations = [migrations.RunSQL(FORWARDS, BACKWARDS)]
