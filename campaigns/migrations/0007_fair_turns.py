"""When each campaign is looked at next by the sweep."""

import django.db.models.functions.datetime
from django.db import migrations, models

import accounts.clock
from accounts.audited import unwatch, watch

COLUMNS = (
    "name, minute_type, status, pause_reason, account_id, external_id, id, paused_at, created_at"
)


def watched(ignored: str) -> str:
    """Whose turn it is, is no news."""
    return unwatch("campaigns_campaign") + watch("campaigns_campaign", ignored, columns=COLUMNS)


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0006_audit_of_millions"),
        ("campaigns", "0006_listed_by_status"),
    ]

    operations = [
        migrations.AddField(
            model_name="campaign",
            name="look_at",
            field=models.DateTimeField(
                db_default=django.db.models.functions.datetime.Now(),
                default=accounts.clock.now,
                editable=False,
            ),
        ),
        migrations.AddIndex(
            model_name="campaign",
            index=models.Index(
                condition=models.Q(("status", "started")),
                fields=["look_at"],
                name="campaigns_in_turn",
            ),
        ),
        migrations.RunSQL(watched("updated_at,look_at"), watched("updated_at")),
    ]
