"""When each row that waits is looked at next, and how often it killed a worker."""

import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models

import accounts.clock
from accounts.audited import unwatch, watch

OF_WALLET = "SELECT account_id FROM wallets_wallet WHERE id = ($1->>'wallet_id')::bigint"
COLUMNS = (
    "enabled, threshold, amount, payment_method, monthly_limit, resume_campaigns, suspended_at, "
    "suspended_reason, id, wallet_id, currency"
)
TIMES = (
    "consecutive_declines,not_before,hold_reason,due_since,low_armed,low_since,failed_fingerprint,"
    "updated_at"
)


def watched(*, automatic: str, allocation: str) -> str:
    """Whose turn it is, is no news."""
    return (
        unwatch("wallets_autorecharge")
        + watch("wallets_autorecharge", TIMES + automatic, account=OF_WALLET, columns=COLUMNS)
        + unwatch("wallets_autoallocation")
        + watch("wallets_autoallocation", "updated_at" + allocation)
    )


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0006_audit_of_millions"),
        ("wallets", "0013_recharges_by_switch"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="allocationrun",
            name="look_at",
            field=models.DateTimeField(
                db_default=django.db.models.functions.datetime.Now(),
                default=accounts.clock.now,
                editable=False,
            ),
        ),
        migrations.AddField(
            model_name="allocationrun",
            name="rests_until",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="allocationrun",
            name="tries",
            field=models.PositiveSmallIntegerField(db_default=0, default=0, editable=False),
        ),
        migrations.AddField(
            model_name="autoallocation",
            name="look_at",
            field=models.DateTimeField(
                db_default=django.db.models.functions.datetime.Now(),
                default=accounts.clock.now,
                editable=False,
            ),
        ),
        migrations.AddField(
            model_name="autorecharge",
            name="look_at",
            field=models.DateTimeField(
                db_default=django.db.models.functions.datetime.Now(),
                default=accounts.clock.now,
                editable=False,
            ),
        ),
        migrations.AddField(
            model_name="autorecharge",
            name="low_look_at",
            field=models.DateTimeField(
                db_default=django.db.models.functions.datetime.Now(),
                default=accounts.clock.now,
                editable=False,
            ),
        ),
        migrations.AddField(
            model_name="autorecharge",
            name="rests_until",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="autorecharge",
            name="tries",
            field=models.PositiveSmallIntegerField(db_default=0, default=0, editable=False),
        ),
        migrations.AddField(
            model_name="purchase",
            name="look_at",
            field=models.DateTimeField(
                db_default=django.db.models.functions.datetime.Now(),
                default=accounts.clock.now,
                editable=False,
            ),
        ),
        migrations.AddField(
            model_name="purchase",
            name="rests_until",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="purchase",
            name="tries",
            field=models.PositiveSmallIntegerField(db_default=0, default=0, editable=False),
        ),
        migrations.AddField(
            model_name="reversal",
            name="look_at",
            field=models.DateTimeField(
                db_default=django.db.models.functions.datetime.Now(),
                default=accounts.clock.now,
                editable=False,
            ),
        ),
        migrations.AddField(
            model_name="reversal",
            name="rests_until",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="reversal",
            name="tries",
            field=models.PositiveSmallIntegerField(db_default=0, default=0, editable=False),
        ),
        migrations.AddField(
            model_name="stripeevent",
            name="look_at",
            field=models.DateTimeField(
                db_default=django.db.models.functions.datetime.Now(),
                default=accounts.clock.now,
                editable=False,
            ),
        ),
        migrations.AddField(
            model_name="stripeevent",
            name="not_ours",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddIndex(
            model_name="allocationrun",
            index=models.Index(
                condition=models.Q(("state", "due")),
                fields=["look_at"],
                name="allocation_runs_in_turn",
            ),
        ),
        migrations.AddIndex(
            model_name="autorecharge",
            index=models.Index(
                condition=models.Q(("due_since__isnull", False)),
                fields=["look_at"],
                name="recharges_in_turn",
            ),
        ),
        migrations.AddIndex(
            model_name="autorecharge",
            index=models.Index(
                condition=models.Q(("low_since__isnull", False)),
                fields=["low_look_at"],
                name="low_balances_in_turn",
            ),
        ),
        migrations.AddIndex(
            model_name="purchase",
            index=models.Index(
                condition=models.Q(("state__in", ("created", "submitted", "requires_action"))),
                fields=["look_at"],
                name="open_purchases_in_turn",
            ),
        ),
        migrations.AddIndex(
            model_name="reversal",
            index=models.Index(
                condition=models.Q(("kind", "refund"), ("state__in", ["created", "submitted"])),
                fields=["look_at"],
                name="open_refunds_in_turn",
            ),
        ),
        migrations.AddIndex(
            model_name="stripeevent",
            index=models.Index(
                condition=models.Q(("applied_at", None), ("given_up_at", None)),
                fields=["look_at"],
                name="events_in_turn",
            ),
        ),
        migrations.RunSQL(
            watched(
                automatic=",look_at,low_look_at,tries,rests_until",
                allocation=",look_at",
            ),
            watched(automatic="", allocation=""),
        ),
    ]
