"""When each queue of what waits was last emptied by a sweep."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0006_audit_of_millions"),
    ]

    operations = [
        migrations.CreateModel(
            name="QueueEmptied",
            fields=[
                ("kind", models.CharField(max_length=40, primary_key=True, serialize=False)),
                ("at", models.DateTimeField()),
            ],
            options={
                "verbose_name_plural": "queues emptied",
            },
        ),
    ]
