"""Two-factor log-in and a list of sessions for customers: recovery codes, mails about them, and
whose each session is."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import accounts.clock
from accounts.audited import unwatch, watch

TABLE = "accounts_recoverycode"


def key() -> models.BigAutoField:
    return models.BigAutoField(
        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
    )


def user(related_name: str) -> models.ForeignKey:
    return models.ForeignKey(
        on_delete=django.db.models.deletion.CASCADE,
        related_name=related_name,
        to=settings.AUTH_USER_MODEL,
    )


class Migration(migrations.Migration):
    dependencies = [("accounts", "0011_api_keys_rotate")]

    operations = [
        migrations.AlterModelOptions(
            name="user",
            options={
                "permissions": [
                    ("look_as_customer", "Can look at pages as a customer sees them"),
                    ("remove_second_factor", "Can remove the second factor of a customer"),
                ]
            },
        ),
        migrations.CreateModel(
            name="RecoveryCode",
            fields=[
                ("id", key()),
                ("code_hash", models.CharField(max_length=128)),
                ("created_at", models.DateTimeField(default=accounts.clock.now, editable=False)),
                ("user", user("recovery_codes")),
            ],
        ),
        migrations.CreateModel(
            name="OpenSession",
            fields=[
                ("id", key()),
                ("session_key", models.CharField(max_length=40, unique=True)),
                ("began_at", models.DateTimeField(default=accounts.clock.now)),
                ("seen_at", models.DateTimeField(default=accounts.clock.now)),
                ("ip", models.GenericIPAddressField()),
                ("browser", models.CharField(max_length=60)),
                ("user", user("open_sessions")),
            ],
            options={"indexes": [models.Index(fields=["seen_at"], name="open_sessions_by_age")]},
        ),
        migrations.CreateModel(
            name="SecurityMail",
            fields=[
                ("id", key()),
                (
                    "mail_due_at",
                    models.DateTimeField(blank=True, db_index=True, editable=False, null=True),
                ),
                ("mail_attempts", models.PositiveSmallIntegerField(default=0, editable=False)),
                ("mailed_at", models.DateTimeField(blank=True, editable=False, null=True)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("turned_on", "Two-factor log-in is on"),
                            ("turned_off", "Two-factor log-in is off"),
                            ("removed", "Support removed your second factor"),
                            ("codes_made", "New recovery codes were made"),
                            ("code_used", "A recovery code was used"),
                            ("guessed", "Somebody has your password"),
                        ],
                        max_length=20,
                    ),
                ),
                ("ip", models.GenericIPAddressField(null=True)),
                ("browser", models.CharField(blank=True, max_length=60)),
                ("created_at", models.DateTimeField(default=accounts.clock.now, editable=False)),
                ("user", user("+")),
            ],
            options={
                "indexes": [models.Index(fields=["created_at"], name="security_mails_by_age")]
            },
        ),
        migrations.RunSQL(watch(TABLE, secret="code_hash"), unwatch(TABLE)),
    ]
