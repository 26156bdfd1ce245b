"""A call recorded hours after it ended takes back the kept days from its own on: days are kept as
soon as they have ended, and what is kept stays what the calls used, whichever build records them."""

from django.db import migrations

LOCK = """
CREATE FUNCTION campaigns_usage_lock(account uuid) RETURNS bigint LANGUAGE sql IMMUTABLE AS
$$ SELECT 7183000000 + abs(hashtext(account::text)::bigint) % 64 $$
"""

TAKE_BACK = """
CREATE FUNCTION campaigns_take_kept_days_back() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  latest record;
BEGIN
  PERFORM pg_advisory_xact_lock_shared(campaigns_usage_lock(NEW.account_id));
  IF NOT EXISTS (SELECT 1 FROM campaigns_usagekept
                 WHERE account_id = NEW.account_id AND ends_at > NEW.ended_at) THEN
    RETURN NULL;
  END IF;
  DELETE FROM campaigns_usageday WHERE account_id = NEW.account_id AND ends_at > NEW.ended_at;
  SELECT day, ends_at INTO latest FROM campaigns_usageday
    WHERE account_id = NEW.account_id ORDER BY day DESC LIMIT 1;
  IF FOUND THEN
    UPDATE campaigns_usagekept SET until = latest.day, ends_at = latest.ends_at
      WHERE account_id = NEW.account_id;
  ELSE
    DELETE FROM campaigns_usagekept WHERE account_id = NEW.account_id;
  END IF;
  RETURN NULL;
END $$
"""

# Half of limits.USAGE_KEPT_AFTER. Asked of each row; the function runs for late ones alone.
TRIGGER = """
CREATE TRIGGER late_calls_take_kept_days_back AFTER INSERT ON campaigns_call FOR EACH ROW
WHEN (NEW.ended_at < NEW.created_at - interval '6 hours')
EXECUTE FUNCTION campaigns_take_kept_days_back()
"""


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0012_webhooks")]

    operations = [
        migrations.RunSQL(LOCK, "DROP FUNCTION campaigns_usage_lock(uuid)"),
        migrations.RunSQL(TAKE_BACK, "DROP FUNCTION campaigns_take_kept_days_back()"),
        migrations.RunSQL(TRIGGER, "DROP TRIGGER late_calls_take_kept_days_back ON campaigns_call"),
    ]
