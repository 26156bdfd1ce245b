"""Freeze what a refund or dispute is, and the card, the person and the receipt of a purchase."""

from django.db import migrations

FORBID = """
CREATE TRIGGER wallets_reversals_are_facts BEFORE UPDATE ON wallets_reversal
    FOR EACH ROW WHEN (
        (NEW.id, NEW.purchase_id, NEW.kind, NEW.amount_cents, NEW.form_key, NEW.actor_id,
         NEW.reason, NEW.created_at)
        IS DISTINCT FROM
        (OLD.id, OLD.purchase_id, OLD.kind, OLD.amount_cents, OLD.form_key, OLD.actor_id,
         OLD.reason, OLD.created_at)
        OR (OLD.stripe_id IS NOT NULL AND NEW.stripe_id IS DISTINCT FROM OLD.stripe_id))
    EXECUTE FUNCTION wallets_forbid_change();
CREATE TRIGGER wallets_purchases_are_facts BEFORE UPDATE ON wallets_purchase
    FOR EACH ROW WHEN (
        (NEW.id, NEW.card, NEW.card_fingerprint, NEW.requested_by_id)
        IS DISTINCT FROM (OLD.id, OLD.card, OLD.card_fingerprint, OLD.requested_by_id)
        OR (OLD.receipt_number IS NOT NULL
            AND NEW.receipt_number IS DISTINCT FROM OLD.receipt_number))
    EXECUTE FUNCTION wallets_forbid_change();
"""

ALLOW = """
DROP TRIGGER wallets_purchases_are_facts ON wallets_purchase;
DROP TRIGGER wallets_reversals_are_facts ON wallets_reversal;
"""


class Migration(migrations.Migration):
    dependencies = [("wallets", "0008_balances_follow_entries")]
    operations = [migrations.RunSQL(FORBID, ALLOW)]
