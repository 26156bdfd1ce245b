"""What we mean to cancel says so, and a hold after six attempts in ten minutes."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("wallets", "0014_fair_turns"),
    ]

    operations = [
        migrations.AddField(
            model_name="purchase",
            name="given_up_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AlterField(
            model_name="autorecharge",
            name="hold_reason",
            field=models.CharField(
                blank=True,
                choices=[
                    ("cooldown", "Just recharged"),
                    ("declined", "Waiting after a decline"),
                    ("too_many", "Three charges in ten minutes"),
                    ("too_many_tries", "Six attempts in ten minutes"),
                    ("monthly_limit", "Monthly limit reached"),
                    ("gateway", "The payment service is not answering"),
                ],
                editable=False,
                max_length=15,
            ),
        ),
    ]
