"""Entries lose the foreign key that 0044 has taken the place of."""

import django.db.models.deletion
from django.db import migrations, models

# Both tables are locked, in the order in which a batch of calls takes them.
LOCK = "LOCK TABLE wallets_wallet, wallets_ledgerentry;"
KEY = "wallets_ledgerentry_wallet_id_686913ed_fk_wallets_wallet_id"
FORWARDS = f"""{LOCK}
SET CONSTRAINTS {KEY} IMMEDIATE;
ALTER TABLE wallets_ledgerentry DROP CONSTRAINT {KEY};
"""
# Going back 0044 validates it, while others read and write.
BACKWARDS = f"""{LOCK}
ALTER TABLE wallets_ledgerentry ADD CONSTRAINT {KEY} FOREIGN KEY (wallet_id)
    REFERENCES wallets_wallet (id) DEFERRABLE INITIALLY DEFERRED NOT VALID;
"""


class Migration(migrations.Migration):
    allowed = {
        "ban-drop-constraint": "the triggers of 0044 refuse whatever the key refused",
        "table-emptied-or-locked": "both in a batch's order, for a moment: dropping takes the locks",
    }

    dependencies = [("wallets", "0044_what_entries_refer_to_stays")]
    operations = [
        migrations.RunSQL(
            FORWARDS,
            BACKWARDS,
            state_operations=[
                migrations.AlterField(
                    model_name="ledgerentry",
                    name="wallet",
                    field=models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="entries",
                        to="wallets.wallet",
                    ),
                )
            ],
        )
    ]
