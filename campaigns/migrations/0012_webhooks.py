"""Tell webhooks of campaigns that pause and resume, in the transaction that does it."""

from django.db import migrations

TELLS = """
CREATE FUNCTION campaigns_tell_webhooks() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    type text := CASE NEW.status WHEN 'paused' THEN 'campaign.paused' ELSE 'campaign.resumed' END;
BEGIN
    IF accounts_webhook_wanted(NEW.account_id, false, type) THEN
        PERFORM accounts_tell_webhooks(NEW.account_id, false, type, jsonb_build_object(
            'id', NEW.external_id, 'account', NEW.account_id, 'name', NEW.name,
            'minute_type', NEW.minute_type, 'status', NEW.status,
            'pause_reason', NULLIF(NEW.pause_reason, ''), 'paused_at', NEW.paused_at,
            'updated_at', NEW.updated_at));
    END IF;
    RETURN NULL;
END;
$$;
CREATE TRIGGER campaigns_campaign_told AFTER UPDATE ON campaigns_campaign FOR EACH ROW
    WHEN (OLD.status <> NEW.status
        AND (NEW.status = 'paused' OR (OLD.status, NEW.status) = ('paused', 'started')))
    EXECUTE FUNCTION campaigns_tell_webhooks();
"""
SILENT = """
DROP TRIGGER campaigns_campaign_told ON campaigns_campaign;
DROP FUNCTION campaigns_tell_webhooks;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0018_webhooks"),
        ("campaigns", "0011_calls_by_day"),
    ]

    operations = [migrations.RunSQL(TELLS, SILENT)]
