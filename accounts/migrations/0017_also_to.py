"""A notification may be mailed to addresses outside, too, or to nobody of the account."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0016_archived_and_opened")]

    operations = [
        migrations.AddField(
            model_name="notification",
            name="also_to",
            field=models.JSONField(blank=True, db_default=[], default=list),
        ),
        migrations.AlterField(
            model_name="notification",
            name="audience",
            field=models.CharField(
                choices=[
                    ("managers", "Owners and admins"),
                    ("everyone", "Everyone"),
                    ("nobody", "Nobody here"),
                ],
                default="managers",
                max_length=8,
            ),
        ),
    ]
