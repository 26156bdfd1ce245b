"""Find what was paid last, among everything an account ever paid.

Two indexes of one column go: those of the lists lead with it.
"""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models.deletion import PROTECT

from accounts.cells.home import HOME, Home

NO_LONGER = {
    ("payer", "accounts.account"): "wallets_purchase_payer_id_50888936",
    ("wallet", "wallets.wallet"): "wallets_purchase_wallet_id_3c328887",
}


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("wallets", "0049_a_cell_is_compared_alone")]

    operations = [
        AddIndexConcurrently(
            model_name="purchase",
            index=models.Index(
                condition=models.Q(("state", "succeeded")),
                fields=["payer", "-closed_at", "-id"],
                name="receipts_of_payer",
            ),
        ),
        AddIndexConcurrently(
            model_name="purchase",
            index=models.Index(
                condition=models.Q(("state", "succeeded")),
                fields=["wallet", "-closed_at"],
                name="paid_into_wallet",
            ),
        ),
        *(
            migrations.RunSQL(
                f"DROP INDEX CONCURRENTLY {index}",
                f"CREATE INDEX CONCURRENTLY {index} ON wallets_purchase ({field}_id)",
                hints={HOME: Home.CELL},
                state_operations=[
                    migrations.AlterField(
                        model_name="purchase",
                        name=field,
                        field=models.ForeignKey(
                            db_index=False,
                            on_delete=PROTECT,
                            related_name="purchases",
                            to=to,
                        ),
                    )
                ],
            )
            for (field, to), index in NO_LONGER.items()
        ),
    ]
