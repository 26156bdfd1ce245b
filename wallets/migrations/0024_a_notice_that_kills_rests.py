"""Tries to tell of a low balance, counted apart from those to charge."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("wallets", "0023_catching_up")]

    operations = [
        migrations.AddField(
            model_name="autorecharge",
            name="low_rests_until",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="autorecharge",
            name="low_tries",
            field=models.PositiveSmallIntegerField(db_default=0, default=0, editable=False),
        ),
    ]
