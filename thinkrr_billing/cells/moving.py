"""An agency with its sub-accounts, or an individual, goes to another cell of the same database.

In one transaction, which a kill at any moment takes back: every row is taken out of one cell and
put into the other, compared, proved by the books, and the directory says where it is now. Before
that the directory says that the accounts are away: they may only be read, and whoever was at work
on them is waited for. Others go on in both cells."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from threading import Event, Thread
from typing import Any
from uuid import UUID

from django.db import DatabaseError, OperationalError, connection, transaction
from django.db.models import QuerySet
from psycopg.errors import DeadlockDetected, InsufficientPrivilege, UniqueViolation

from accounts import clock
from accounts.cells import place
from accounts.cells.place import schema_of
from accounts.models import Account, Cell, CellOfAccount, CellOfCustomer
from thinkrr_billing.cells import belonging, numbering, proving
from thinkrr_billing.cells.beginning import LOCK_SECONDS, Refused, refuse_unmigrated
from thinkrr_billing.cells.homes import PUBLIC

# The directory's word holds for so long, should the mover die. Until then it is renewed.
AWAY_FOR = timedelta(minutes=2)
RENEWED_AFTER_SECONDS = 30.0
# Who found the accounts in their cell just before has ended by then, or is waited for by its locks.
DRAIN_SECONDS = 2.0

# Each sent by itself, as Citus wants it.
_SETTINGS = (
    f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'",
    "SET LOCAL statement_timeout = 0",
    f"SET LOCAL search_path TO {PUBLIC}",
)
_PREPARE = """
LOCK TABLE accounts_cell IN SHARE ROW EXCLUSIVE MODE;
CREATE TEMPORARY TABLE moving (id uuid PRIMARY KEY) ON COMMIT DROP;
CREATE TEMPORARY TABLE moving_customers (id text PRIMARY KEY) ON COMMIT DROP;
"""
# Wallets first, in the order in which batches of calls lock them.
_LOCK = """
SELECT FROM {source}.wallets_wallet WHERE account_id IN (
    SELECT id FROM {source}.accounts_account WHERE %(account)s IN (id, agency_id))
ORDER BY id FOR UPDATE;
SELECT FROM {source}.accounts_account WHERE %(account)s IN (id, agency_id) ORDER BY id FOR UPDATE;
INSERT INTO moving SELECT id FROM {source}.accounts_account WHERE %(account)s IN (id, agency_id);
INSERT INTO moving_customers
    SELECT stripe_customer FROM {source}.accounts_account JOIN moving USING (id)
    WHERE stripe_customer IS NOT NULL
    UNION SELECT unnest(former_customers) FROM {source}.accounts_account JOIN moving USING (id);
ANALYZE moving
"""
# Two statements, since cells may be on two nodes.
_PUT = """
INSERT INTO {target}.{table} ({columns}) OVERRIDING SYSTEM VALUE
SELECT {columns} FROM {source}.{table} WHERE {rows}
"""
_TAKE = """
WITH gone AS (DELETE FROM {source}.{table} WHERE {rows} RETURNING {columns})
SELECT count(*), COALESCE(sum(hashtextextended(gone::text, 0)::numeric), 0) FROM gone
"""
_COPY_EVENTS = f"""
INSERT INTO {{target}}.{belonging.EVENTS}
SELECT * FROM {{source}}.{belonging.EVENTS} WHERE account_id IS NULL AND id IN (
    SELECT event_id FROM {{source}}.{belonging.DELIVERIES} WHERE {{rows}})
ON CONFLICT (id) DO NOTHING
"""  # nosec B608 # names of ours
# Told in one cell already and in the other not yet, it would reach who moves twice, or never.
_LISTENS = f"SELECT 1 FROM {{schema}}.{belonging.ENDPOINTS} WHERE {{rows}} LIMIT 1"  # nosec B608 # names of ours
_BEING_TOLD = f"""
SELECT 1 FROM {{schema}}.{belonging.EVENTS} WHERE account_id IS NULL AND sequence IS NULL LIMIT 1
"""  # nosec B608 # names of ours
_SWITCH = """
UPDATE accounts_cellofaccount SET cell_id = %(number)s, moving_until = NULL
    WHERE account_id IN (SELECT id FROM moving);
UPDATE accounts_cellofcustomer SET cell_id = %(number)s, moving_until = NULL
    WHERE customer IN (SELECT id FROM moving_customers);
INSERT INTO accounts_cellofperson (person_id, cell_id)
    SELECT DISTINCT user_id, %(number)s FROM {target}.accounts_membership
    WHERE account_id IN (SELECT id FROM moving)
    ON CONFLICT DO NOTHING
"""

IN_USE = (
    f"The account was in use for {LOCK_SECONDS} seconds, and nobody was made to wait for longer. "
    "Nothing was changed: try again."
)
ANOTHER = (
    "Somebody is moving it, or did until a moment ago and was killed. Nothing was changed: try "
    "again after {:%H:%M:%S} UTC."
)
BEING_TOLD = (
    "Something is being told to all webhooks of {}. Nothing was changed: try again in a minute."
)
MAY_NOT = (
    "This role may not switch triggers off. As a superuser: "
    "GRANT SET ON PARAMETER session_replication_role TO the owner of the tables."
)


@dataclass(frozen=True)
class Moved:
    accounts: int
    rows: int
    # For how long they could only be read.
    seconds: float


def move(*, account_id: UUID, name: str) -> Moved | None:
    """Move an agency or individual into the cell of this name. None when it is there already.

    Call outside of all cells, as the owner of the tables. Raises Refused, and OperationalError when
    PostgreSQL cannot be asked; nothing is changed then, and the same may be tried again.
    """
    target = Cell.objects.filter(name=name).first()
    if target is None:
        raise Refused(f"There is no cell {name}. `manage.py cells list` shows them.")
    where = CellOfAccount.objects.filter(pk=account_id).select_related("cell").first()
    if where is None:
        raise Refused(f"There is no account {account_id}.")
    if where.cell == target:
        return None
    accounts = _goes(account_id, where.cell)
    refuse_unmigrated()
    began = time.monotonic()
    with _away(accounts):
        time.sleep(DRAIN_SECONDS)
        rows = _move(account_id, where.cell, target)
    return Moved(len(accounts), rows, time.monotonic() - began)


def _goes(account_id: UUID, cell: Cell) -> list[Account]:
    """The accounts that go together. Raises Refused for one that does not go by itself."""
    with place.inside(cell.name):
        account = Account.objects.filter(pk=account_id).first()
        if account is None:
            raise Refused(f"{account_id} is not in {cell}, or not any more. Nothing was changed.")
        if account.agency_id:
            raise Refused(f"{account} goes where its agency goes: move {account.agency_id}.")
        return [account, *Account.objects.filter(agency=account)]


@contextmanager
def _away(accounts: list[Account]) -> Iterator[None]:
    """The directory says so in this block, and no longer if it fails."""
    ids = [account.pk for account in accounts]
    customers = [
        customer
        for account in accounts
        for customer in (account.stripe_customer, *(account.former_customers or ()))
        if customer
    ]
    with transaction.atomic():
        of_accounts = CellOfAccount.objects.filter(pk__in=ids)
        _refuse_moving(of_accounts)
        _say(of_accounts, customers, clock.now() + AWAY_FOR)
    try:
        with _renewed(of_accounts, customers):
            yield
    except BaseException:
        connection.close()
        with transaction.atomic():
            _say(of_accounts, customers, None)
        raise


@contextmanager
def _renewed(of_accounts: QuerySet[CellOfAccount], customers: list[str]) -> Iterator[None]:
    """Accounts with a long past stay away until they have moved. Once they have, and the directory
    says that they are back, there is nothing to renew."""
    over = Event()

    def renew() -> None:
        try:
            while not over.wait(RENEWED_AFTER_SECONDS):
                with suppress(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
                    # It never makes the mover wait that is just saying where they are now.
                    cursor.execute("SET LOCAL lock_timeout = '100ms'")
                    still = of_accounts.filter(moving_until__isnull=False)
                    _say(still, customers, clock.now() + AWAY_FOR)
        finally:
            connection.close()

    renewing = Thread(target=renew, daemon=True)
    renewing.start()
    try:
        yield
    finally:
        over.set()
        renewing.join()


def _refuse_moving(of_accounts: QuerySet[CellOfAccount]) -> None:
    """Whoever says first that they are away is the one who says when they are back."""
    locked = of_accounts.order_by("pk").select_for_update()
    until = max((one.moving_until for one in locked if one.moving_until), default=None)
    if until and until > clock.now():
        raise Refused(ANOTHER.format(until))


def _say(of_accounts: QuerySet[CellOfAccount], customers: list[str], until: Any) -> None:
    if of_accounts.update(moving_until=until):
        CellOfCustomer.objects.filter(pk__in=customers).update(moving_until=until)


def _move(account_id: UUID, source: Cell, target: Cell) -> int:
    """How many rows have moved. Raises Refused, with nothing changed."""
    cells = {"source": schema_of(source.name), "target": schema_of(target.name)}
    try:
        with transaction.atomic(durable=True), connection.cursor() as cursor:
            for setting in _SETTINGS:
                cursor.execute(setting)
            cursor.execute(_PREPARE)
            cursor.execute(_LOCK.format(**cells), {"account": account_id})
            cursor.execute("SELECT count(*) FROM moving")
            if cursor.fetchone() == (0,):
                raise Refused(f"{account_id} has just moved. Nothing was changed.")
            _refuse_being_told(cursor, source, target)
            before = proving.books(cursor, source.name)
            cursor.execute(proving.NO_TRIGGERS)
            events = belonging.rows(belonging.DELIVERIES, cells["source"])
            cursor.execute(_COPY_EVENTS.format(rows=events, **cells))
            moved = {table: _move_rows(cursor, table, **cells) for table in belonging.tables()}
            proving.compare(cursor, moved, **cells)
            proving.compare_books(before, proving.books(cursor, target.name))
            numbering.count_above(cursor, cells["target"], belonging.tables())
            cursor.execute(_SWITCH.format(**cells), {"number": target.number})
    except OperationalError as error:
        if isinstance(error.__cause__, DeadlockDetected):
            raise Refused(IN_USE) from error
        raise
    except Exception as error:
        if isinstance(error.__cause__, InsufficientPrivilege):
            raise Refused(MAY_NOT) from error
        if isinstance(error.__cause__, UniqueViolation):
            raise Refused(f"{target} has one of its rows already: {error}") from error
        raise
    return sum(count for count, _ in moved.values())


def _refuse_being_told(cursor: Any, source: Cell, target: Cell) -> None:
    """Raises Refused while either cell tells something to all who listen, if one of them goes."""
    schema = schema_of(source.name)
    rows = belonging.rows(belonging.ENDPOINTS, schema)
    cursor.execute(_LISTENS.format(schema=schema, rows=rows))
    if cursor.fetchone() is None:
        return
    for cell in (source, target):
        cursor.execute(_BEING_TOLD.format(schema=schema_of(cell.name)))
        if cursor.fetchone() is not None:
            raise Refused(BEING_TOLD.format(cell))


def _move_rows(cursor: Any, table: str, *, source: str, target: str) -> tuple[int, int]:
    """How many there were, and the sum of what they say."""
    columns = proving.columns(cursor, table, source, target)
    rows = belonging.rows(table, source)
    for statement in (_PUT, _TAKE):
        cursor.execute(
            statement.format(source=source, target=target, table=table, rows=rows, columns=columns)
        )
    return cursor.fetchone()
