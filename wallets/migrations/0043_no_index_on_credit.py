"""Every debit of credit moved its wallet's row to another page, for an index that only staff's
counts of debt read: sorting by balance reads all wallets with it, too."""

from django.contrib.postgres.operations import RemoveIndexConcurrently
from django.db import migrations


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("wallets", "0042_low_wallets")]
    operations = [RemoveIndexConcurrently("wallet", "wallets_by_credit")]
