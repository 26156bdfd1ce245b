"""Keep what the API answered to requests with an Idempotency-Key."""

import django.db.models.deletion
from django.db import migrations, models

import accounts.clock


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0019_more_kinds_of_changes"),
    ]

    operations = [
        migrations.CreateModel(
            name="KeptAnswer",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("account_id", models.UUIDField(null=True)),
                ("idempotency_key", models.CharField(max_length=255)),
                ("fingerprint", models.CharField(max_length=64)),
                ("status", models.PositiveSmallIntegerField()),
                ("body", models.TextField()),
                (
                    "created_at",
                    models.DateTimeField(default=accounts.clock.now, editable=False),
                ),
                (
                    "api_key",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="accounts.apikey",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["created_at"], name="kept_answers_by_age")],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("api_key", "account_id", "idempotency_key"),
                        name="one_answer_an_idempotency_key",
                        nulls_distinct=False,
                    )
                ],
            },
        ),
    ]
