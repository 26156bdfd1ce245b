"""Nothing asks for campaigns in the order of their moments any more (`accounts.models.Change` has
an order of its own), and where most accounts have one campaign PostgreSQL took that index to find
a campaign by its name: it read all campaigns of an account that has thousands, once for each call.
"""

from django.contrib.postgres.operations import RemoveIndexConcurrently
from django.db import migrations


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("campaigns", "0018_calls_and_days_are_read_first")]
    operations = [RemoveIndexConcurrently("campaign", "campaigns_changed")]
