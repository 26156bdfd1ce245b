"""How far each look for refunds and disputes that no event told has come."""

from django.db import migrations, models

import accounts.clock


class Migration(migrations.Migration):
    dependencies = [
        ("wallets", "0022_agencies_may_hear"),
    ]

    operations = [
        migrations.CreateModel(
            name="CatchUp",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("since", models.DateTimeField()),
                ("until", models.DateTimeField()),
                ("at", models.DateTimeField()),
                ("slice_seconds", models.PositiveIntegerField()),
                ("known", models.PositiveIntegerField(default=0)),
                ("touched_at", models.DateTimeField(default=accounts.clock.now)),
                ("finished_at", models.DateTimeField(null=True)),
            ],
            options={
                "verbose_name": "catching up",
                "verbose_name_plural": "catching up",
                "constraints": [
                    models.UniqueConstraint(
                        models.Value(1),
                        condition=models.Q(("finished_at", None)),
                        name="one_catch_up_at_a_time",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("at__lte", models.F("until")), ("since__lte", models.F("at"))
                        ),
                        name="catch_up_goes_forward",
                    ),
                ],
            },
        ),
    ]
