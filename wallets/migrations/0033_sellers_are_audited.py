"""Note every change of who sells, and let a paper be paid before anybody has said it."""

from django.db import migrations, models

from accounts.audited import unwatch, watch

TABLE = "wallets_seller"


class Migration(migrations.Migration):
    dependencies = [("wallets", "0032_billing_addresses")]

    operations = [
        migrations.AlterField(
            model_name="parties",
            name="seller_name",
            field=models.CharField(blank=True, max_length=120),
        ),
        migrations.AlterField(
            model_name="parties",
            name="tax_sentence",
            field=models.CharField(blank=True, max_length=200),
        ),
        migrations.AddIndex(
            model_name="parties",
            index=models.Index(
                condition=models.Q(("seller_name", "")),
                fields=["buyer_country"],
                name="parties_unnamed",
            ),
        ),
        migrations.RunSQL(watch(TABLE), unwatch(TABLE)),
    ]
