"""Count the mails that people have us send, and let links for a new password wait their turn."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import accounts.clock


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0009_who_invited_whom"),
    ]

    operations = [
        migrations.CreateModel(
            name="PasswordReset",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "mail_due_at",
                    models.DateTimeField(blank=True, db_index=True, editable=False, null=True),
                ),
                ("mail_attempts", models.PositiveSmallIntegerField(default=0, editable=False)),
                ("mailed_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("email", models.EmailField(max_length=254)),
                ("ip", models.GenericIPAddressField()),
                ("created_at", models.DateTimeField(default=accounts.clock.now, editable=False)),
            ],
            options={
                "indexes": [
                    models.Index(fields=["email", "created_at"], name="resets_to_address"),
                    models.Index(fields=["ip", "created_at"], name="resets_of_machine"),
                    models.Index(fields=["created_at"], name="resets_by_age"),
                ],
            },
        ),
        migrations.CreateModel(
            name="InvitationSent",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("email", models.EmailField(max_length=254)),
                ("created_at", models.DateTimeField(default=accounts.clock.now, editable=False)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="accounts.account",
                    ),
                ),
                (
                    "person",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "invitations sent",
                "indexes": [
                    models.Index(fields=["email", "created_at"], name="invitations_to_address"),
                    models.Index(fields=["created_at"], name="invitations_sent_by_age"),
                ],
            },
        ),
    ]
