"""What Stripe told us stays as it came: an event is never deleted, its facts never change."""

from django.db import migrations

FORBID = """
CREATE TRIGGER wallets_events_never_deleted BEFORE DELETE ON wallets_stripeevent
    FOR EACH ROW EXECUTE FUNCTION wallets_forbid_change();
CREATE TRIGGER wallets_events_never_truncated BEFORE TRUNCATE ON wallets_stripeevent
    FOR EACH STATEMENT EXECUTE FUNCTION wallets_forbid_change();
CREATE TRIGGER wallets_events_are_facts BEFORE UPDATE ON wallets_stripeevent
    FOR EACH ROW WHEN ((NEW.event_id, NEW.type, NEW.payload, NEW.received_at)
        IS DISTINCT FROM (OLD.event_id, OLD.type, OLD.payload, OLD.received_at))
    EXECUTE FUNCTION wallets_forbid_change();
"""

ALLOW = """
DROP TRIGGER wallets_events_are_facts ON wallets_stripeevent;
DROP TRIGGER wallets_events_never_truncated ON wallets_stripeevent;
DROP TRIGGER wallets_events_never_deleted ON wallets_stripeevent;
"""


class Migration(migrations.Migration):
    dependencies = [("wallets", "0005_logged_decision")]
    operations = [migrations.RunSQL(FORBID, ALLOW)]
