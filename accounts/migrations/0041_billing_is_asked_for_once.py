"""Remember that an account was asked whom to bill: once, before its first payment."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0013_billing_country")]

    operations = [
        migrations.AddField(
            model_name="account",
            name="billing_asked_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
    ]
