"""An index for the list of wallets by whether Auto-Recharge is on."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("wallets", "0012_lists_by_range"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="autorecharge",
            index=models.Index(fields=["enabled", "wallet"], name="recharges_by_switch"),
        ),
    ]
