"""Audit also when a campaign's moments are written by hand."""

from django.db import migrations

from accounts.audited import unwatch, watch

TABLE = "campaigns_campaign"
COLUMNS = "name, minute_type, status, pause_reason, account_id, external_id"


def watched(more: str) -> str:
    return unwatch(TABLE) + watch(TABLE, "updated_at", columns=COLUMNS + more)


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0004_campaigns_are_audited")]
    operations = [migrations.RunSQL(watched(", id, paused_at, created_at"), watched(""))]
