"""An account's notifications are found by the index that has their order, and by no other."""

import django.db.models.deletion
from django.db import migrations, models

from accounts.cells.home import HOME, Home

INDEX = "accounts_notification_account_id_20ee0589"


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("accounts", "0023_accounts_move")]

    operations = [
        migrations.RunSQL(
            f"DROP INDEX CONCURRENTLY {INDEX}",
            f"CREATE INDEX CONCURRENTLY {INDEX} ON accounts_notification (account_id)",
            hints={HOME: Home.CELL},
            state_operations=[
                migrations.AlterField(
                    model_name="notification",
                    name="account",
                    field=models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="notifications",
                        to="accounts.account",
                    ),
                )
            ],
        )
    ]
