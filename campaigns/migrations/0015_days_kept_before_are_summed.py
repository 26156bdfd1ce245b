"""Sums of the days that were kept before there were any, account by account: each in a transaction
of its own, which holds back no more than late calls of this account. Safe to be cut off and begun
again."""

from importlib import import_module
from uuid import UUID

from django.db import connection, migrations, transaction

LOCK = "SELECT pg_advisory_xact_lock(campaigns_usage_lock(%s))"
# Once: whoever else has summed it up meanwhile, or taken back all its days, has left nothing to do.
SUMMED = "UPDATE campaigns_usagekept SET summed = true WHERE account_id = %s AND NOT summed"
SLICE = 500

_sums = import_module("campaigns.migrations.0014_sums_of_usage")
DAYS = "(SELECT * FROM campaigns_usageday WHERE account_id = %(account)s) AS d"
ADD = _sums.both(_sums.add, DAYS)


def sum_up(apps, schema_editor) -> None:
    kept = apps.get_model("campaigns", "UsageKept").objects.filter(summed=False).order_by("pk")
    while found := list(kept.values_list("pk", flat=True)[:SLICE]):
        for account in found:
            _sum_up_one(account)


@transaction.atomic
def _sum_up_one(account: UUID) -> None:
    with connection.cursor() as cursor:
        cursor.execute(LOCK, [account])
        cursor.execute(SUMMED, [account])
        if cursor.rowcount:
            cursor.execute(ADD, {"account": account})


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("campaigns", "0014_sums_of_usage")]

    operations = [migrations.RunPython(sum_up, migrations.RunPython.noop)]
