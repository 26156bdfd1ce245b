"""Find the calls of a day for the books, among millions."""

import django.contrib.postgres.indexes
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0010_changes_in_order")]

    operations = [
        migrations.AddIndex(
            model_name="call",
            index=django.contrib.postgres.indexes.BrinIndex(
                autosummarize=True, fields=["created_at"], name="calls_by_day"
            ),
        ),
    ]
