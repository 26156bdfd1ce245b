"""Changes of Auto-Recharge, of minutes given once and of asking for them are made known, too."""

from django.db import migrations, models

KINDS = [
    ("campaign", "Campaign"),
    ("recharge", "Recharge"),
    ("receipt", "Receipt"),
    ("allocation", "Monthly allocation"),
    ("auto_recharge", "Auto-Recharge"),
    ("gift", "Minutes given once"),
    ("ask", "Asking for minutes"),
]


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0018_webhooks"),
    ]

    operations = [
        migrations.AlterField(
            model_name="change",
            name="kind",
            field=models.CharField(choices=KINDS, max_length=15),
        ),
        migrations.RemoveConstraint(model_name="change", name="change_kind_is_known"),
        migrations.AddConstraint(
            model_name="change",
            constraint=models.CheckConstraint(
                name="change_kind_is_known",
                condition=models.Q(kind__in=[kind for kind, _ in KINDS]),
            ),
        ),
    ]
