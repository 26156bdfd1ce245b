"""Ask for the country of the billing address: who sells may depend on it."""

import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0012_second_factor_and_sessions"),
    ]

    operations = [
        migrations.AddField(
            model_name="account",
            name="billing_country",
            field=models.CharField(
                blank=True,
                db_default="",
                max_length=2,
                validators=[
                    django.core.validators.RegexValidator(
                        "^[A-Z]{2}\\Z", "Write the country as two capital letters, like US."
                    )
                ],
            ),
        ),
    ]
