"""Which cells there are, and which has what: empty where there are none."""

import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import accounts.clock


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0021_functions_for_shards"),
    ]

    operations = [
        migrations.CreateModel(
            name="Cell",
            fields=[
                ("number", models.PositiveSmallIntegerField(primary_key=True, serialize=False)),
                (
                    "name",
                    models.CharField(
                        max_length=31,
                        unique=True,
                        validators=[
                            django.core.validators.RegexValidator(
                                "\\A[a-z][a-z0-9_]{0,30}\\Z",
                                "Name a cell in small letters, digits and underscores, like eu_1.",
                            )
                        ],
                    ),
                ),
                ("created_at", models.DateTimeField(default=accounts.clock.now, editable=False)),
            ],
            options={
                "ordering": ["number"],
            },
        ),
        migrations.CreateModel(
            name="CellOfAccount",
            fields=[
                ("account_id", models.UUIDField(primary_key=True, serialize=False)),
                (
                    "cell",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.cell",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="CellOfCustomer",
            fields=[
                ("customer", models.CharField(max_length=255, primary_key=True, serialize=False)),
                (
                    "cell",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.cell",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="CellOfPerson",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "cell",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.cell",
                    ),
                ),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("person", "cell"), name="once_per_person_and_cell"
                    )
                ],
            },
        ),
    ]
