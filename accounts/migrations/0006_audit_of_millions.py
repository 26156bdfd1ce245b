"""Find notes of the audit log among millions: by day, row, request and person."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0005_lists_of_a_million"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="auditentry",
            index=models.Index(fields=["at"], name="audit_by_age"),
        ),
        migrations.AddIndex(
            model_name="auditentry",
            index=models.Index(fields=["row"], name="audit_of_row"),
        ),
        migrations.AddIndex(
            model_name="auditentry",
            index=models.Index(fields=["request_id"], name="audit_of_request"),
        ),
        migrations.AddIndex(
            model_name="auditentry",
            index=models.Index(
                fields=["actor"], name="audit_of_actor", opclasses=["varchar_pattern_ops"]
            ),
        ),
    ]
