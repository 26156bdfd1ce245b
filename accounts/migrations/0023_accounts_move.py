"""Say which accounts are being moved to another cell."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0022_cells")]

    operations = [
        migrations.AddField(
            model_name=name, name="moving_until", field=models.DateTimeField(null=True)
        )
        for name in ("cellofaccount", "cellofcustomer")
    ]
