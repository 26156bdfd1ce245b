"""Find the wallets that may not pay a minute, among all there are."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("wallets", "0041_call_holds")]

    operations = [
        AddIndexConcurrently(
            model_name="autorecharge",
            index=models.Index(
                condition=models.Q(("low_armed", False)), fields=["wallet"], name="low_wallets"
            ),
        ),
    ]
