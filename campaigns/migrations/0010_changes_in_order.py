"""Note the changes of campaigns for whoever follows them by the API."""

from django.db import migrations

WATCH = """
CREATE FUNCTION campaigns_note_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM accounts_note_change(NEW.account_id, 'campaign', NEW.external_id, NEW.updated_at);
    RETURN NULL;
END;
$$;
CREATE TRIGGER campaigns_made_known AFTER INSERT ON campaigns_campaign
    FOR EACH ROW EXECUTE FUNCTION campaigns_note_change();
CREATE TRIGGER campaigns_changes_known AFTER UPDATE ON campaigns_campaign FOR EACH ROW
    WHEN ((OLD.name, OLD.minute_type, OLD.status, OLD.pause_reason, OLD.paused_at, OLD.updated_at)
        IS DISTINCT FROM
        (NEW.name, NEW.minute_type, NEW.status, NEW.pause_reason, NEW.paused_at, NEW.updated_at))
    EXECUTE FUNCTION campaigns_note_change();
INSERT INTO accounts_change (account_id, kind, object_id, changed_at, sequence, numbered_at)
SELECT account_id, 'campaign', external_id, updated_at, nextval('accounts_change_number'), now()
FROM (SELECT * FROM campaigns_campaign ORDER BY updated_at, id) AS rows
ON CONFLICT DO NOTHING;
INSERT INTO accounts_numbering (id, at) SELECT 1, now() WHERE EXISTS (SELECT 1 FROM accounts_change)
ON CONFLICT (id) DO NOTHING;
"""
UNWATCH = """
DROP TRIGGER campaigns_made_known ON campaigns_campaign;
DROP TRIGGER campaigns_changes_known ON campaigns_campaign;
DROP FUNCTION campaigns_note_change;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0014_changes_in_order"),
        ("campaigns", "0009_usage_by_day"),
    ]

    operations = [migrations.RunSQL(WATCH, UNWATCH)]
