"""Archive sub-accounts, note when invitations were opened, and keep what agencies write."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import accounts.clock


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0015_billing_is_asked_for_once"),
    ]

    operations = [
        migrations.AddField(
            model_name="account",
            name="archived_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="invitation",
            name="opened_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.CreateModel(
            name="AgencyNotice",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("text", models.CharField(max_length=500)),
                ("told", models.PositiveIntegerField()),
                ("form_key", models.UUIDField()),
                ("created_at", models.DateTimeField(default=accounts.clock.now, editable=False)),
                (
                    "agency",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="notices_sent",
                        to="accounts.account",
                    ),
                ),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["agency", "created_at"], name="agency_notices_of_one")
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("agency", "form_key"), name="one_notice_per_form"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("text", ""), _negated=True),
                        name="agency_notice_says_something",
                    ),
                ],
            },
        ),
    ]
