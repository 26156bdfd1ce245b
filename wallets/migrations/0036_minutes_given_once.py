"""Minutes that an agency gives once: payments without a month, and asking for them."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import accounts.clock
from accounts.audited import unwatch, watch


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0016_archived_and_opened"),
        ("wallets", "0035_when_a_credit_note_was_issued"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="MinuteAsk",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("basic_minutes", models.PositiveIntegerField(default=0)),
                ("premium_minutes", models.PositiveIntegerField(default=0)),
                ("words", models.CharField(blank=True, max_length=200)),
                ("answer", models.CharField(blank=True, max_length=200)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("open", "Waiting for an answer"),
                            ("given", "Given"),
                            ("declined", "Declined"),
                            ("withdrawn", "Withdrawn"),
                            ("expired", "Expired"),
                        ],
                        default="open",
                        max_length=9,
                    ),
                ),
                ("created_at", models.DateTimeField(default=accounts.clock.now, editable=False)),
                ("expires_at", models.DateTimeField()),
                ("closed_at", models.DateTimeField(null=True)),
            ],
            options={
                "ordering": ["-pk"],
            },
        ),
        migrations.RemoveConstraint(
            model_name="purchase",
            name="purchase_allocation_has_a_run",
        ),
        migrations.AddConstraint(
            model_name="purchase",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("buys", "allocation"),
                        ("purpose", "allocation"),
                        models.Q(
                            ("allocation_run__isnull", False),
                            ("form_key__isnull", False),
                            _connector="OR",
                        ),
                    ),
                    models.Q(
                        ("allocation_run", None),
                        ("purpose__in", ["recharge", "auto_recharge"]),
                        models.Q(("buys", "allocation"), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="purchase_allocation_has_a_run",
            ),
        ),
        migrations.AddField(
            model_name="minuteask",
            name="account",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="minute_asks",
                to="accounts.account",
            ),
        ),
        migrations.AddField(
            model_name="minuteask",
            name="agency",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="asked_for",
                to="accounts.account",
            ),
        ),
        migrations.AddField(
            model_name="minuteask",
            name="answered_by",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="minuteask",
            name="asked_by",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="minuteask",
            name="purchase",
            field=models.OneToOneField(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="minute_ask",
                to="wallets.purchase",
            ),
        ),
        migrations.AddIndex(
            model_name="minuteask",
            index=models.Index(fields=["account", "-id"], name="minute_asks_of_account"),
        ),
        migrations.AddIndex(
            model_name="minuteask",
            index=models.Index(
                condition=models.Q(("state", "open")), fields=["agency"], name="minute_asks_open"
            ),
        ),
        migrations.AddIndex(
            model_name="minuteask",
            index=models.Index(
                condition=models.Q(("state", "open")),
                fields=["expires_at"],
                name="minute_asks_ending",
            ),
        ),
        migrations.AddConstraint(
            model_name="minuteask",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "open")),
                fields=("account",),
                name="one_open_ask_per_account",
            ),
        ),
        migrations.AddConstraint(
            model_name="minuteask",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("basic_minutes__gt", 0), ("premium_minutes__gt", 0), _connector="OR"),
                    ("basic_minutes__lte", 1000000),
                    ("premium_minutes__lte", 1000000),
                ),
                name="minute_ask_wants_something",
            ),
        ),
        migrations.AddConstraint(
            model_name="minuteask",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("closed_at", None), ("state", "open")),
                    models.Q(
                        ("closed_at__isnull", False),
                        ("state__in", ["given", "declined", "withdrawn", "expired"]),
                    ),
                    _connector="OR",
                ),
                name="minute_ask_closed_says_when",
            ),
        ),
        migrations.AddConstraint(
            model_name="minuteask",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "given"), _negated=True),
                    ("purchase__isnull", False),
                    _connector="OR",
                ),
                name="minute_ask_given_was_paid",
            ),
        ),
        migrations.RunSQL(watch("wallets_minuteask"), unwatch("wallets_minuteask")),
    ]
