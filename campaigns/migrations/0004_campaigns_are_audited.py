"""Note what happens to a campaign in the audit log: support's timeline shows it."""

from django.db import migrations

from accounts.audited import unwatch, watch


class Migration(migrations.Migration):
    dependencies = [
        ("campaigns", "0003_found_by_words"),
        ("accounts", "0003_audit_by_triggers"),
    ]
    operations = [
        migrations.RunSQL(
            watch(
                "campaigns_campaign",
                "updated_at",
                columns="name, minute_type, status, pause_reason, account_id, external_id",
            ),
            unwatch("campaigns_campaign"),
        )
    ]
