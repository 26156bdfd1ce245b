"""Note what the API shows and changes, in an order that its readers cannot miss anything of.

`accounts_note_change(account, kind, object, at)` is for the triggers of other apps.
"""

import django.db.models.deletion
from django.db import migrations, models

import accounts.clock

MADE = """
CREATE SEQUENCE accounts_change_number OWNED BY accounts_change.sequence;
CREATE FUNCTION accounts_note_change(account uuid, kind text, object text, at timestamptz)
RETURNS void LANGUAGE sql AS $$
    INSERT INTO accounts_change AS c (account_id, kind, object_id, changed_at)
    VALUES (account, kind, object, at)
    ON CONFLICT (account_id, kind, object_id) DO UPDATE SET
        changed_at = GREATEST(c.changed_at, EXCLUDED.changed_at),
        sequence = NULL, numbered_at = NULL, is_late = false
$$;
"""
DROPPED = """
DROP FUNCTION accounts_note_change;
DROP SEQUENCE accounts_change_number;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0013_billing_country"),
    ]

    operations = [
        migrations.CreateModel(
            name="Numbering",
            fields=[
                ("id", models.PositiveSmallIntegerField(primary_key=True, serialize=False)),
                ("at", models.DateTimeField()),
            ],
            options={
                "verbose_name_plural": "numbering",
            },
        ),
        migrations.CreateModel(
            name="Change",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("campaign", "Campaign"),
                            ("recharge", "Recharge"),
                            ("receipt", "Receipt"),
                            ("allocation", "Monthly allocation"),
                        ],
                        max_length=10,
                    ),
                ),
                ("object_id", models.CharField(max_length=255)),
                ("changed_at", models.DateTimeField(default=accounts.clock.now)),
                ("sequence", models.BigIntegerField(null=True, unique=True)),
                ("numbered_at", models.DateTimeField(null=True)),
                ("is_late", models.BooleanField(db_default=False, default=False)),
                (
                    "account",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.account",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        fields=["account", "kind", "sequence"], name="changes_of_an_account"
                    ),
                    models.Index(
                        condition=models.Q(("sequence__isnull", True)),
                        fields=["id"],
                        name="changes_to_number",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("account", "kind", "object_id"), name="one_change_an_object"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("kind__in", ["campaign", "recharge", "receipt", "allocation"])
                        ),
                        name="change_kind_is_known",
                    ),
                ],
            },
        ),
        migrations.RunSQL(MADE, DROPPED),
    ]
