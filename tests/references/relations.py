"""The three references that triggers check, and foreign keys beside or instead of the triggers."""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from itertools import count
from uuid import UUID, uuid4

from django.db import connection, transaction

from accounts import clock
from campaigns.models import Call
from campaigns.tests.builders import make_campaign, make_wallet

TRIGGERS = [
    import_module("wallets.migrations.0044_what_entries_refer_to_stays"),
    import_module("campaigns.migrations.0016_what_calls_refer_to_stays"),
]
FORMS = [
    import_module("wallets.migrations.0046_entries_are_read_before_wallets"),
    import_module("campaigns.migrations.0018_calls_and_days_are_read_first"),
]
NO_KEYS = [
    import_module("wallets.migrations.0045_entries_without_a_key_of_wallets"),
    import_module("campaigns.migrations.0017_calls_without_keys_of_accounts_and_campaigns"),
]
# By what references are checked, and the migrations that are undone for it.
CHECKS = {"triggers": [], "both": NO_KEYS, "keys": [*NO_KEYS, *FORMS, *TRIGGERS[::-1]]}

# No two rows have the same number.
numbers = count(10_000)


@dataclass(frozen=True)
class Relation:
    """Rows of `child` name a row of `parent` by `column`. Parents are known by their number."""

    parent: str
    child: str
    column: str
    # A column of the parent that changes without a consequence.
    unimportant: str

    def key(self, number: int) -> str:
        return _uuid(number) if self.parent == "accounts_account" else str(number)

    def insert(self, number: int) -> str:
        facts = {"id": self.key(number), "external_id": f"campaign {number}"}
        if self.parent != "wallets_wallet":
            return _insert(self.parent, **facts)
        account = _insert("accounts_account", id=_uuid(number))
        return account + _insert(self.parent, **facts, account_id=_uuid(number))

    def insert_child(self, number: int, **more: object) -> str:
        own = next(numbers)
        facts = {"id": own, "external_id": f"call {own}", "key": f"adjustment:{own}"}
        return _insert(self.child, **facts, **{self.column: self.key(number)}, **more)

    def delete(self, number: int) -> str:
        return f"DELETE FROM {self.parent} WHERE {self._is(number)}"  # nosec B608 # constants of ours

    def change_key(self, number: int) -> str:
        another = self.key(next(numbers))
        return f"UPDATE {self.parent} SET id = '{another}' WHERE {self._is(number)}"  # nosec B608 # constants of ours

    def truncate(self, _: int) -> str:
        return f"TRUNCATE {self.parent} CASCADE"

    def touch(self, number: int) -> str:
        change = f"{self.unimportant} = {self.unimportant} || '.'"
        return f"UPDATE {self.parent} SET {change} WHERE {self._is(number)}"  # nosec B608 # constants of ours

    def orphans(self) -> int:
        """How many children name a parent that is not there."""
        query = f"""
            SELECT count(*) FROM {self.child} c WHERE c.{self.column} IS NOT NULL
            AND NOT EXISTS (SELECT FROM {self.parent} p WHERE p.id = c.{self.column})
        """  # nosec B608 # constants of ours
        with connection.cursor() as cursor:
            cursor.execute(query)
            return cursor.fetchone()[0]

    def _is(self, number: int) -> str:
        return f"id = '{self.key(number)}'"


RELATIONS = [
    Relation("wallets_wallet", "wallets_ledgerentry", "wallet_id", "default_payment_method"),
    Relation("accounts_account", "campaigns_call", "account_id", "name"),
    Relation("campaigns_campaign", "campaigns_call", "campaign_id", "name"),
]

_examples: dict[str, dict] = {}


def make_examples() -> None:
    """A row of each table, of which others are copies."""
    wallet = make_wallet(credit="1")
    make_campaign(wallet.account)
    Call.objects.create(
        external_id="example",
        account=wallet.account,
        minute_type="premium",
        seconds=1,
        ended_at=clock.now(),
        outcome="failed",
        included_seconds=0,
        premium_seconds=0,
        basic_seconds=0,
        cost=0,
        batch=uuid4(),
        created_at=clock.now(),
    )
    with connection.cursor() as cursor:
        for table in {name for one in RELATIONS for name in (one.parent, one.child)}:
            cursor.execute(f"SELECT to_jsonb(t) FROM {table} t LIMIT 1")  # nosec B608 # constants of ours
            _examples[table] = json.loads(cursor.fetchone()[0])
    _examples["wallets_wallet"]["credit"] = 0


@contextmanager
def checked_by(name: str) -> Iterator[None]:
    """References are checked by "triggers", by "keys", or by "both"."""
    undone = CHECKS[name]
    _run(one.BACKWARDS for one in undone)
    try:
        yield
    finally:
        _run(one.FORWARDS for one in reversed(undone))


@contextmanager
def guard_off(relation: Relation) -> Iterator[None]:
    """Rows of the parent may go."""
    _run([f"ALTER TABLE {relation.parent} DISABLE TRIGGER USER"])
    try:
        yield
    finally:
        _run([f"ALTER TABLE {relation.parent} ENABLE TRIGGER USER"])


def _run(statements: Iterable[str]) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        for one in statements:
            cursor.execute(one)


def _uuid(number: int) -> str:
    return str(UUID(int=number))


def _insert(table: str, **facts: object) -> str:
    row = json.dumps(_examples[table] | facts)
    return f"INSERT INTO {table} SELECT * FROM jsonb_populate_record(NULL::{table}, '{row}');"  # nosec B608 # constants of ours
