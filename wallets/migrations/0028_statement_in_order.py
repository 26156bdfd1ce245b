"""Read a statement in the order of its entries, and what moved nothing by when it was decided."""

import django.db.models.functions.comparison
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("wallets", "0027_credit_notes")]

    operations = [
        migrations.AddIndex(
            model_name="ledgerentry",
            index=models.Index(fields=["wallet", "-id"], name="ledger_in_order"),
        ),
        migrations.AddIndex(
            model_name="purchase",
            index=models.Index(
                models.F("payer"),
                models.OrderBy(
                    django.db.models.functions.comparison.Coalesce("closed_at", "created_at"),
                    descending=True,
                ),
                models.OrderBy(models.F("id"), descending=True),
                condition=models.Q(
                    ("purpose__in", ["recharge", "auto_recharge"]),
                    ("state", "succeeded"),
                    _negated=True,
                ),
                name="purchases_in_no_pot",
            ),
        ),
    ]
