"""Switch off what charges by itself in accounts that were closed before closing did so."""

from django.db import migrations

SWITCH_OFF = """
UPDATE wallets_autorecharge AS ar SET enabled = false, due_since = NULL
FROM wallets_wallet AS w JOIN accounts_account AS a ON a.id = w.account_id
WHERE w.id = ar.wallet_id AND a.status = 'closed' AND ar.enabled;

UPDATE wallets_allocationrun AS r
SET state = 'canceled', closed_at = now(), next_attempt_at = NULL
FROM wallets_autoallocation AS al, accounts_account AS a
WHERE al.id = r.allocation_id AND a.id IN (al.agency_id, al.account_id)
  AND a.status = 'closed' AND al.active AND r.state IN ('due', 'failed');

UPDATE wallets_autoallocation AS al SET active = false, skip_period = NULL, failed_at = NULL
FROM accounts_account AS a
WHERE a.id IN (al.agency_id, al.account_id) AND a.status = 'closed' AND al.active;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("wallets", "0016_daily_ceiling"),
        ("accounts", "0008_customers_are_renewed"),
    ]
    operations = [migrations.RunSQL(SWITCH_OFF, migrations.RunSQL.noop)]
