"""Minutes that run out are told in a turn, and with tries, of their own."""

from django.db import migrations, models
from django.db.models.functions import Now

from accounts import clock


class Migration(migrations.Migration):
    dependencies = [("wallets", "0025_support_by_two_people")]

    operations = [
        migrations.AddField(
            model_name="autorecharge",
            name="minutes_look_at",
            field=models.DateTimeField(db_default=Now(), default=clock.now, editable=False),
        ),
        migrations.AddField(
            model_name="autorecharge",
            name="minutes_rests_until",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="autorecharge",
            name="minutes_tries",
            field=models.PositiveSmallIntegerField(db_default=0, default=0, editable=False),
        ),
    ]
