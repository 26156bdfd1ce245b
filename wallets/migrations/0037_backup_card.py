"""A backup card per wallet, and on the purchase that it pays why it was charged."""

import django.db.models.deletion
from django.db import migrations, models

from accounts.audited import unwatch, watch

BALANCES = "credit,premium_seconds,basic_seconds,included_seconds"
WALLET = "default_payment_method, blocked_at, blocked_reason, id, account_id, currency"


def watched(columns: str) -> str:
    return unwatch("wallets_wallet") + watch("wallets_wallet", BALANCES, columns=columns)


GUARD = """
CREATE FUNCTION wallets_guard_backup() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.instead_of, NEW.backup_of_id) IS DISTINCT FROM (OLD.instead_of, OLD.backup_of_id) THEN
        RAISE EXCEPTION 'why the backup card pays purchase % is frozen', OLD.id;
    END IF;
    RETURN NEW;
END;
$$;
CREATE TRIGGER wallets_backups_guarded BEFORE UPDATE OF instead_of, backup_of_id ON wallets_purchase
    FOR EACH ROW EXECUTE FUNCTION wallets_guard_backup();
"""
UNGUARD = """
DROP TRIGGER wallets_backups_guarded ON wallets_purchase;
DROP FUNCTION wallets_guard_backup();
"""


class Migration(migrations.Migration):
    dependencies = [("wallets", "0036_minutes_given_once")]

    operations = [
        migrations.AddField(
            model_name="wallet",
            name="backup_payment_method",
            field=models.CharField(blank=True, db_default="", max_length=255),
        ),
        migrations.AddField(
            model_name="purchase",
            name="instead_of",
            field=models.CharField(blank=True, db_default="", max_length=100),
        ),
        migrations.AddField(
            model_name="purchase",
            name="backup_of",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="backups",
                to="wallets.purchase",
            ),
        ),
        migrations.AddConstraint(
            model_name="purchase",
            constraint=models.UniqueConstraint(
                fields=("backup_of",), name="one_backup_per_decline"
            ),
        ),
        migrations.AddConstraint(
            model_name="purchase",
            constraint=models.CheckConstraint(
                condition=models.Q(("backup_of", None))
                | models.Q(("instead_of", ""), _negated=True),
                name="purchase_backup_says_why",
            ),
        ),
        migrations.RunSQL(GUARD, UNGUARD),
        migrations.RunSQL(watched(f"{WALLET}, backup_payment_method"), watched(WALLET)),
    ]
