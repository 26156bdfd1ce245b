"""Make the three roles of support staff. `groups.ensure` gives them their rights after migrating:
Django makes the permissions themselves only then."""

from django.db import migrations

ROLES = ("Read-only", "Support", "Billing operations")


def make(apps, schema_editor) -> None:
    group = apps.get_model("auth", "Group")
    for name in ROLES:
        group.objects.get_or_create(name=name)


class Migration(migrations.Migration):
    dependencies = [("auth", "0012_alter_user_first_name_max_length")]
    operations = [migrations.RunPython(make, migrations.RunPython.noop)]
