"""Seconds reserved for calls that run, and their sums beside the balances of a wallet."""

import django.db.models.deletion
import django.db.models.expressions
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("wallets", "0040_more_changes_in_order"),
    ]

    operations = [
        migrations.AddField(
            model_name="wallet",
            name="reserved_basic_seconds",
            field=models.BigIntegerField(db_default=0, default=0, editable=False),
        ),
        migrations.AddField(
            model_name="wallet",
            name="reserved_calls",
            field=models.IntegerField(db_default=0, default=0, editable=False),
        ),
        migrations.AddField(
            model_name="wallet",
            name="reserved_credit",
            field=models.DecimalField(
                db_default=0, decimal_places=6, default=0, editable=False, max_digits=18
            ),
        ),
        migrations.AddField(
            model_name="wallet",
            name="reserved_included_seconds",
            field=models.BigIntegerField(db_default=0, default=0, editable=False),
        ),
        migrations.AddField(
            model_name="wallet",
            name="reserved_premium_seconds",
            field=models.BigIntegerField(db_default=0, default=0, editable=False),
        ),
        migrations.CreateModel(
            name="CallHold",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("reporter", models.UUIDField()),
                ("call", models.CharField(max_length=120)),
                ("minute_type", models.CharField(max_length=18)),
                ("seconds", models.PositiveIntegerField()),
                ("included_seconds", models.PositiveIntegerField()),
                ("premium_seconds", models.PositiveIntegerField()),
                ("basic_seconds", models.PositiveIntegerField()),
                ("credit", models.DecimalField(decimal_places=6, max_digits=18)),
                ("held_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField()),
                (
                    "wallet",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="call_holds",
                        to="wallets.wallet",
                    ),
                ),
            ],
            options={
                "ordering": ["-pk"],
                "indexes": [
                    models.Index(fields=["wallet", "expires_at"], name="call_holds_of_a_wallet"),
                    models.Index(fields=["expires_at"], name="call_holds_ending"),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("reporter", "call"), name="one_hold_per_call"),
                    models.CheckConstraint(
                        condition=models.Q(("seconds__gte", 1), ("seconds__lte", 86400)),
                        name="call_hold_up_to_a_day",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "seconds__gte",
                                django.db.models.expressions.CombinedExpression(
                                    django.db.models.expressions.CombinedExpression(
                                        models.F("included_seconds"),
                                        "+",
                                        models.F("premium_seconds"),
                                    ),
                                    "+",
                                    models.F("basic_seconds"),
                                ),
                            )
                        ),
                        name="call_hold_takes_at_most_its_seconds",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("credit__gte", 0), ("credit__lte", 1000000000)),
                        name="call_hold_credit_in_range",
                    ),
                ],
            },
        ),
    ]
