"""Make calls append-only in the database, where shell users and bulk updates cannot skip it."""

from django.db import migrations

FORBID = """
CREATE FUNCTION campaigns_forbid_call_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'calls are facts: correct what one took with an adjustment (% refused)', TG_OP;
END;
$$;
CREATE TRIGGER campaigns_call_append_only
    BEFORE UPDATE OR DELETE ON campaigns_call
    FOR EACH ROW EXECUTE FUNCTION campaigns_forbid_call_change();
CREATE TRIGGER campaigns_call_never_truncated
    BEFORE TRUNCATE ON campaigns_call
    FOR EACH STATEMENT EXECUTE FUNCTION campaigns_forbid_call_change();
"""

ALLOW = """
DROP TRIGGER campaigns_call_never_truncated ON campaigns_call;
DROP TRIGGER campaigns_call_append_only ON campaigns_call;
DROP FUNCTION campaigns_forbid_call_change();
"""


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0001_initial")]
    operations = [migrations.RunSQL(FORBID, ALLOW)]
