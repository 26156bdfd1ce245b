"""Audit also a wallet or an Auto-Recharge that is moved to another account or currency."""

from django.db import migrations

from accounts.audited import unwatch, watch

OF_WALLET = "SELECT account_id FROM wallets_wallet WHERE id = ($1->>'wallet_id')::bigint"
BALANCES = "credit,premium_seconds,basic_seconds,included_seconds"
TIMES = (
    "consecutive_declines,not_before,hold_reason,due_since,low_armed,low_since,failed_fingerprint,"
    "updated_at"
)
# Naming the columns spares the batches of calls, which move the others.
WALLET = "default_payment_method, blocked_at, blocked_reason"
AUTOMATIC = (
    "enabled, threshold, amount, payment_method, monthly_limit, resume_campaigns, suspended_at, "
    "suspended_reason"
)


def watched(more: tuple[str, str]) -> str:
    return (
        unwatch("wallets_wallet")
        + watch("wallets_wallet", BALANCES, columns=WALLET + more[0])
        + unwatch("wallets_autorecharge")
        + watch("wallets_autorecharge", TIMES, account=OF_WALLET, columns=AUTOMATIC + more[1])
    )


class Migration(migrations.Migration):
    dependencies = [("wallets", "0010_support_retries")]
    operations = [
        migrations.RunSQL(
            watched((", id, account_id, currency", ", id, wallet_id, currency")), watched(("", ""))
        )
    ]
