"""One row that stops all automatic charges; every turn is in the audit log."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import accounts.clock
from accounts.audited import unwatch, watch


class Migration(migrations.Migration):
    dependencies = [
        ("wallets", "0017_closed_accounts_are_off"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="ChargeSwitch",
            fields=[
                (
                    "id",
                    models.PositiveSmallIntegerField(
                        default=1, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("stopped", models.BooleanField(default=False)),
                ("reason", models.CharField(max_length=200)),
                ("changed_at", models.DateTimeField(default=accounts.clock.now)),
                (
                    "changed_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "switch of automatic charges",
                "verbose_name_plural": "automatic charges",
                "permissions": [("switch_charges", "Can stop and start all automatic charges")],
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("id", 1)), name="one_charge_switch"),
                    models.CheckConstraint(
                        condition=models.Q(("reason", ""), _negated=True),
                        name="charge_switch_has_a_reason",
                    ),
                ],
            },
        ),
        migrations.RunSQL(watch("wallets_chargeswitch"), unwatch("wallets_chargeswitch")),
    ]
