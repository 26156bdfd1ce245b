"""Let an account have another customer at Stripe than before, and support renew the link."""

import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0007_queues_emptied")]

    operations = [
        migrations.AlterModelOptions(
            name="account",
            options={
                "ordering": ["name", "id"],
                "permissions": [
                    ("close_account", "Can close and reopen accounts"),
                    ("renew_customer", "Can renew the link to Stripe's customer"),
                ],
            },
        ),
        migrations.AddField(
            model_name="account",
            name="former_customers",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=255), blank=True, null=True, size=None
            ),
        ),
    ]
