"""The schema with foreign keys where ours has triggers that check a statement at a time."""

from importlib import import_module

from django.db import connection, transaction

# Undone in this order.
MIGRATIONS = (
    "campaigns.migrations.0017_calls_without_keys_of_accounts_and_campaigns",
    "campaigns.migrations.0016_what_calls_refer_to_stays",
    "wallets.migrations.0045_entries_without_a_key_of_wallets",
    "wallets.migrations.0044_what_entries_refer_to_stays",
)


@transaction.atomic
def give_back() -> None:
    """Give the side's database its foreign keys back, and take the triggers away."""
    with connection.cursor() as cursor:
        for name in MIGRATIONS:
            cursor.execute(import_module(name).BACKWARDS)
