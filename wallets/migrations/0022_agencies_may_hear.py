"""Let an agency hear of a sub-account that runs low; whether it does is audited."""

from django.db import migrations, models

from accounts.audited import unwatch, watch

OF_WALLET = "SELECT account_id FROM wallets_wallet WHERE id = ($1->>'wallet_id')::bigint"
TIMES = (
    "consecutive_declines,not_before,hold_reason,due_since,low_armed,low_since,failed_fingerprint,"
    "updated_at,minutes_armed,minutes_low_since,look_at,low_look_at,tries,rests_until"
)
AUTOMATIC = (
    "enabled, threshold, amount, payment_method, monthly_limit, resume_campaigns, suspended_at, "
    "suspended_reason, id, wallet_id, currency, daily_ceiling, minutes_level"
)


def watched(columns: str) -> str:
    return unwatch("wallets_autorecharge") + watch(
        "wallets_autorecharge", TIMES, account=OF_WALLET, columns=AUTOMATIC + columns
    )


class Migration(migrations.Migration):
    dependencies = [
        ("wallets", "0021_minutes_run_out"),
    ]

    operations = [
        migrations.AddField(
            model_name="autorecharge",
            name="agency_hears",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.RunSQL(watched(", agency_hears"), watched("")),
    ]
