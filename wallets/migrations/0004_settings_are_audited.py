"""Note every change of rates, cards, blocks, Auto-Recharge and allocations in the audit log.

Only of these columns: balances and due times move with every batch of calls, and have the ledger.
Also an index of saved cards by their last four digits, which support asks for.
"""

from django.db import migrations

from accounts.audited import unwatch, watch

OF_WALLET = "SELECT account_id FROM wallets_wallet WHERE id = ($1->>'wallet_id')::bigint"
BALANCES = "credit,premium_seconds,basic_seconds,included_seconds"
TIMES = (
    "consecutive_declines,not_before,hold_reason,due_since,low_armed,low_since,failed_fingerprint,"
    "updated_at"
)

LAST_FOUR = """
CREATE INDEX wallets_cards_by_last_four ON djstripe_paymentmethod
    ((stripe_data -> 'card' ->> 'last4'))
"""


class Migration(migrations.Migration):
    dependencies = [
        ("wallets", "0003_adjustments_by_two_people"),
        ("accounts", "0003_audit_by_triggers"),
        ("djstripe", "0001_squashed_0003_2_11"),
    ]
    operations = [
        migrations.RunSQL(
            watch(
                "wallets_wallet",
                BALANCES,
                columns="default_payment_method, blocked_at, blocked_reason",
            ),
            unwatch("wallets_wallet"),
        ),
        migrations.RunSQL(
            watch(
                "wallets_autorecharge",
                TIMES,
                account=OF_WALLET,
                columns="enabled, threshold, amount, payment_method, monthly_limit, "
                "resume_campaigns, suspended_at, suspended_reason",
            ),
            unwatch("wallets_autorecharge"),
        ),
        migrations.RunSQL(
            watch("wallets_autoallocation", "updated_at"), unwatch("wallets_autoallocation")
        ),
        migrations.RunSQL(watch("wallets_minuterate"), unwatch("wallets_minuterate")),
        migrations.RunSQL(
            watch("wallets_adjustmentrequest", account=OF_WALLET),
            unwatch("wallets_adjustmentrequest"),
        ),
        migrations.RunSQL(LAST_FOUR, "DROP INDEX wallets_cards_by_last_four"),
    ]
