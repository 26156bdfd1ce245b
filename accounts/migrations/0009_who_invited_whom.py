"""Keep by which invitation somebody joined, so that owners see who invited whom."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0008_customers_are_renewed")]

    operations = [
        migrations.AddField(
            model_name="membership",
            name="invitation",
            field=models.ForeignKey(
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="accounts.invitation",
            ),
        )
    ]
