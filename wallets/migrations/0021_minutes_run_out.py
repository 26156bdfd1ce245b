"""When people hear that their minutes are about to run out; their own level is audited."""

from django.db import migrations, models

from accounts.audited import unwatch, watch

OF_WALLET = "SELECT account_id FROM wallets_wallet WHERE id = ($1->>'wallet_id')::bigint"
TIMES = (
    "consecutive_declines,not_before,hold_reason,due_since,low_armed,low_since,failed_fingerprint,"
    "updated_at,look_at,low_look_at,tries,rests_until"
)
AUTOMATIC = (
    "enabled, threshold, amount, payment_method, monthly_limit, resume_campaigns, suspended_at, "
    "suspended_reason, id, wallet_id, currency, daily_ceiling"
)


def watched(times: str, columns: str) -> str:
    return unwatch("wallets_autorecharge") + watch(
        "wallets_autorecharge", TIMES + times, account=OF_WALLET, columns=AUTOMATIC + columns
    )


class Migration(migrations.Migration):
    dependencies = [
        ("wallets", "0020_comparing_goes_in_steps"),
    ]

    operations = [
        migrations.AddField(
            model_name="autorecharge",
            name="minutes_armed",
            field=models.BooleanField(db_default=False, default=False, editable=False),
        ),
        migrations.AddField(
            model_name="autorecharge",
            name="minutes_level",
            field=models.PositiveIntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="autorecharge",
            name="minutes_low_since",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddIndex(
            model_name="autorecharge",
            index=models.Index(
                condition=models.Q(("minutes_low_since__isnull", False)),
                fields=["minutes_low_since"],
                name="low_minutes",
            ),
        ),
        migrations.RunSQL(
            watched(",minutes_armed,minutes_low_since", ", minutes_level"), watched("", "")
        ),
    ]
