"""Find the few campaigns of a rare status among millions."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0006_audit_of_millions"),
        ("campaigns", "0005_no_setting_unnoticed"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="campaign",
            index=models.Index(fields=["status", "-id"], name="campaigns_by_status"),
        ),
    ]
