"""Find the calls of one debit among millions."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0007_fair_turns")]

    operations = [
        migrations.AddIndex(
            model_name="call",
            index=models.Index(fields=["batch"], name="calls_of_a_batch"),
        ),
    ]
