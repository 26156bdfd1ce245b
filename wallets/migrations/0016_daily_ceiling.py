"""A ceiling of automatic charges in one day, audited like the other settings."""

import djmoney.models.fields
from django.db import migrations, models

from accounts.audited import unwatch, watch

OF_WALLET = "SELECT account_id FROM wallets_wallet WHERE id = ($1->>'wallet_id')::bigint"
TIMES = (
    "consecutive_declines,not_before,hold_reason,due_since,low_armed,low_since,failed_fingerprint,"
    "updated_at,look_at,low_look_at,tries,rests_until"
)
COLUMNS = (
    "enabled, threshold, amount, payment_method, monthly_limit, resume_campaigns, suspended_at, "
    "suspended_reason, id, wallet_id, currency"
)


def watched(more: str) -> str:
    table = "wallets_autorecharge"
    return unwatch(table) + watch(table, TIMES, account=OF_WALLET, columns=COLUMNS + more)


class Migration(migrations.Migration):
    dependencies = [
        ("wallets", "0015_brake_on_every_outcome"),
    ]

    operations = [
        migrations.AddField(
            model_name="autorecharge",
            name="daily_ceiling",
            field=djmoney.models.fields.MoneyField(
                blank=True,
                currency_field_name="currency",
                decimal_places=6,
                default_currency="USD",
                max_digits=18,
                null=True,
            ),
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
                    ("daily_ceiling", "Daily ceiling reached"),
                    ("gateway", "The payment service is not answering"),
                ],
                editable=False,
                max_length=15,
            ),
        ),
        migrations.AddConstraint(
            model_name="autorecharge",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("daily_ceiling", None),
                    models.Q(("daily_ceiling__gte", 5), ("daily_ceiling__lte", 50000)),
                    _connector="OR",
                ),
                name="auto_recharge_ceiling_5_to_50000",
            ),
        ),
        migrations.RunSQL(watched(", daily_ceiling"), watched("")),
    ]
