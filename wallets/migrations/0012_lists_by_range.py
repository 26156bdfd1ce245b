"""Indexes for lists by range, and the one of cards' digits as Django asks for them."""

from django.conf import settings
from django.db import migrations, models

# The first one was on (stripe_data -> 'card' ->> 'last4'), which no query of Django's ever used.
LAST_FOUR = """
DROP INDEX wallets_cards_by_last_four;
CREATE INDEX wallets_cards_by_last_four ON djstripe_paymentmethod
    ((stripe_data #>> '{card,last4}'))
"""
BEFORE = """
DROP INDEX wallets_cards_by_last_four;
CREATE INDEX wallets_cards_by_last_four ON djstripe_paymentmethod
    ((stripe_data -> 'card' ->> 'last4'))
"""


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0006_audit_of_millions"),
        ("wallets", "0011_no_setting_unnoticed"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name="wallet",
            name="wallets_in_debt",
        ),
        migrations.AddIndex(
            model_name="allocationrun",
            index=models.Index(fields=["state", "-id"], name="allocation_runs_by_state"),
        ),
        migrations.AddIndex(
            model_name="autoallocation",
            index=models.Index(
                condition=models.Q(("failed_at__isnull", False)),
                fields=["failed_at"],
                name="allocations_failed",
            ),
        ),
        migrations.AddIndex(
            model_name="ledgerentry",
            index=models.Index(
                condition=models.Q(("kind", "calls"), _negated=True),
                fields=["amount"],
                name="ledger_by_amount",
            ),
        ),
        migrations.AddIndex(
            model_name="ledgerentry",
            index=models.Index(fields=["created_at", "id"], name="ledger_by_day"),
        ),
        migrations.AddIndex(
            model_name="purchase",
            index=models.Index(fields=["purpose", "-created_at"], name="purchases_by_purpose"),
        ),
        migrations.AddIndex(
            model_name="purchase",
            index=models.Index(fields=["amount_cents", "-created_at"], name="purchases_by_amount"),
        ),
        migrations.AddIndex(
            model_name="reversal",
            index=models.Index(fields=["-created_at"], name="reversals_by_day"),
        ),
        migrations.AddIndex(
            model_name="stripeevent",
            index=models.Index(
                condition=models.Q(("applied_at__isnull", True)),
                fields=["-id"],
                name="events_not_applied",
            ),
        ),
        migrations.AddIndex(
            model_name="wallet",
            index=models.Index(fields=["credit"], name="wallets_by_credit"),
        ),
        migrations.RunSQL(LAST_FOUR, BEFORE),
    ]
