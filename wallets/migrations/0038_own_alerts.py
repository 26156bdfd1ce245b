"""Own alerts, where in Slack they go, and what waits to be sent there."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models

import accounts.clock
from accounts.audited import unwatch, watch

OF_WALLET = "SELECT account_id FROM wallets_wallet WHERE id = ($1->>'wallet_id')::bigint"
ALERT = "wallet_id, kind, level, people, addresses, slack"
HOOK = "wallet_id, secret_path, disabled_at"


class Migration(migrations.Migration):
    dependencies = [
        ("wallets", "0037_backup_card"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="SlackHook",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("secret_path", models.CharField(max_length=200)),
                ("added_at", models.DateTimeField(default=accounts.clock.now, editable=False)),
                ("worked_at", models.DateTimeField(editable=False, null=True)),
                ("disabled_at", models.DateTimeField(editable=False, null=True)),
                ("disabled_because", models.CharField(blank=True, editable=False, max_length=200)),
                (
                    "added_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "wallet",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="slack_hook",
                        to="wallets.wallet",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Alert",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "look_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(),
                        default=accounts.clock.now,
                        editable=False,
                    ),
                ),
                (
                    "tries",
                    models.PositiveSmallIntegerField(db_default=0, default=0, editable=False),
                ),
                ("rests_until", models.DateTimeField(editable=False, null=True)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("balance", "Balance below"),
                            ("minutes", "Minutes below"),
                            ("runway", "Lasts for less than"),
                            ("decline", "First declined charge"),
                            ("rate", "A rate will rise"),
                            ("estimate", "A charge above its estimate"),
                        ],
                        max_length=10,
                    ),
                ),
                ("level", models.DecimalField(decimal_places=2, max_digits=12, null=True)),
                (
                    "people",
                    models.CharField(
                        choices=[
                            ("managers", "Owners and admins"),
                            ("everyone", "Everybody in the account"),
                            ("nobody", "Nobody"),
                        ],
                        default="managers",
                        max_length=8,
                    ),
                ),
                ("addresses", models.JSONField(blank=True, default=list)),
                ("slack", models.BooleanField(default=False)),
                ("armed", models.BooleanField(default=True, editable=False)),
                ("crossed_at", models.DateTimeField(editable=False, null=True)),
                ("about", models.CharField(blank=True, editable=False, max_length=400)),
                ("seen_at", models.DateTimeField(default=accounts.clock.now, editable=False)),
                ("told_at", models.DateTimeField(editable=False, null=True)),
                ("created_at", models.DateTimeField(default=accounts.clock.now, editable=False)),
                (
                    "created_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "wallet",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="alerts",
                        to="wallets.wallet",
                    ),
                ),
            ],
            options={
                "ordering": ["kind", "-level", "pk"],
                "indexes": [
                    models.Index(
                        condition=models.Q(("crossed_at__isnull", False)),
                        fields=["look_at"],
                        name="alerts_untold",
                    ),
                    models.Index(fields=["kind", "armed"], name="alerts_by_kind"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("kind__in", ["balance", "minutes", "runway"]),
                                ("level__gt", 0),
                                ("level__lte", 1000000),
                            ),
                            models.Q(
                                ("kind__in", ["decline", "rate", "estimate"]), ("level", None)
                            ),
                            _connector="OR",
                        ),
                        name="alert_level_where_there_is_one",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="SlackMessage",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "look_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(),
                        default=accounts.clock.now,
                        editable=False,
                    ),
                ),
                (
                    "tries",
                    models.PositiveSmallIntegerField(db_default=0, default=0, editable=False),
                ),
                ("rests_until", models.DateTimeField(editable=False, null=True)),
                ("text", models.CharField(max_length=900)),
                ("link", models.CharField(blank=True, max_length=200)),
                ("dedupe_key", models.CharField(max_length=200)),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("created_at", models.DateTimeField(default=accounts.clock.now, editable=False)),
                ("sent_at", models.DateTimeField(editable=False, null=True)),
                ("given_up_at", models.DateTimeField(editable=False, null=True)),
                (
                    "wallet",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="slack_messages",
                        to="wallets.wallet",
                    ),
                ),
            ],
            options={
                "ordering": ["-pk"],
                "indexes": [
                    models.Index(
                        condition=models.Q(("given_up_at", None), ("sent_at", None)),
                        fields=["look_at"],
                        name="slack_messages_in_turn",
                    ),
                    models.Index(fields=["wallet", "created_at"], name="slack_messages_of_wallet"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("wallet", "dedupe_key"), name="slack_is_told_once_per_cause"
                    )
                ],
            },
        ),
        migrations.RunSQL(
            watch("wallets_alert", account=OF_WALLET, columns=ALERT), unwatch("wallets_alert")
        ),
        migrations.RunSQL(
            watch("wallets_slackhook", "worked_at", "secret_path", OF_WALLET, columns=HOOK),
            unwatch("wallets_slackhook"),
        ),
    ]
