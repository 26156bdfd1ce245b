"""Keep what support writes for the customer apart from what it writes for itself."""

from django.db import migrations, models

FIELD = models.CharField(blank=True, db_default="", max_length=200)


class Migration(migrations.Migration):
    dependencies = [("wallets", "0028_statement_in_order")]

    operations = [
        migrations.AddField(model_name="ledgerentry", name="customer_note", field=FIELD.clone()),
        migrations.AddField(model_name="reversal", name="customer_note", field=FIELD.clone()),
    ]
