"""A cell for Citus: its tables, with their rows, go to a node.

Here is then only what names them. What a row makes happen, happens there: triggers and functions go
along. Keys that lead into `public` cannot, and are dropped: whoever logs in stays here, so that
nobody waits for a node that is away, and neither people nor API keys are ever deleted."""

import json
import time
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction

from accounts.cells.place import schema_of
from accounts.models import Cell
from thinkrr_billing.cells import copying, homes, nodes, numbering, proving
from thinkrr_billing.cells.beginning import LOCK_SECONDS, Refused, refuse_unmigrated
from thinkrr_billing.cells.homes import PUBLIC
from thinkrr_billing.cells.nodes import Node

# What each server must say, and what it is for.
EVERYWHERE = {
    "citus.enable_unsafe_triggers": ("on", "triggers fire where the rows are"),
    "wal_level": ("logical", "cells are placed on another node while they go on"),
}
HERE = {
    "citus.propagate_set_commands": ("local", "the path of a cell reaches its node"),
    "citus.local_table_join_policy": (
        "prefer-distributed",
        "else all people are sent to a node to find the few of an account",
    ),
}
THERE = {
    "citus.propagate_set_commands": ("none", "what a trigger asks would begin twice, and fail"),
}

_LIMITS = (f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'", "SET LOCAL statement_timeout = 0")
# Whoever writes meanwhile waits, and sees the cell on its node.
_LOCK = "LOCK TABLE {} IN EXCLUSIVE MODE"
_KEYS_OUT = """
SELECT format('ALTER TABLE %%s DROP CONSTRAINT %%I', conrelid::regclass, conname)
FROM pg_constraint JOIN pg_class named ON named.oid = confrelid
WHERE contype = 'f' AND connamespace = %(schema)s::regnamespace
    AND relnamespace <> %(schema)s::regnamespace
"""
# Those that were there before Citus was: it sends only what is made from then on.
_FUNCTIONS = """
SELECT p.oid::regprocedure::text FROM pg_proc p WHERE pronamespace = %(schema)s::regnamespace
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_dist_object d
                    WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid)
"""
_TRIGGERS = """
SELECT relname, count(*) FROM pg_trigger JOIN pg_class t ON t.oid = tgrelid
WHERE NOT tgisinternal AND relnamespace = %s::regnamespace GROUP BY relname
"""
_TRIGGERS_THERE = """
SELECT COALESCE(json_object_agg(name, number), '{{}}') FROM (
    SELECT t.relname AS name, count(*) AS number FROM pg_dist_shard s
        JOIN pg_class t ON t.oid = logicalrelid
        JOIN pg_trigger ON tgrelid = to_regclass(shard_name(logicalrelid, shardid))
    WHERE NOT tgisinternal AND t.relnamespace = '{schema}'::regnamespace GROUP BY t.relname) found
"""


@dataclass(frozen=True)
class Prepared:
    node: Node
    rows: int
    # How long whoever wrote in the cell waited. 0 when it had been there already.
    seconds: float


def prepare(*, name: str) -> Prepared:
    """Distribute a cell, in one transaction, and let its node count in its range right after.
    Repeatable: one that is distributed already is looked through again.

    Call outside of all cells, as the owner of the tables. Raises Refused, with nothing changed
    unless it says so; and OperationalError when a table was in use for too long.
    """
    schema = schema_of(name)
    began = time.monotonic()
    with nodes.told(name), transaction.atomic(durable=True), connection.cursor() as cursor:
        nodes.refuse_without_citus(cursor)
        if not Cell.objects.filter(name=name).exists():
            raise Refused(f"There is no cell {name}. `manage.py cells list` shows them.")
        refuse_unmigrated()
        _refuse_settings(cursor)
        rows = 0 if nodes.node_of(cursor, schema) else _distribute(cursor, schema)
    seconds = time.monotonic() - began if rows else 0.0
    return Prepared(look_through(name=name), rows, seconds)


def look_through(*, name: str) -> Node | None:
    """Let the node of a distributed cell count where it should, and have all triggers: after it was
    distributed, and after each migration. None where it is on no node. Raises Refused."""
    schema = schema_of(name)
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        if not nodes.is_distributed(cursor, schema):
            return None
        node = nodes.node_of(cursor, schema)
        numbering.count_on(cursor, node, schema)
        _compare_triggers(cursor, node, schema)
    return node


def _refuse_settings(cursor: Any) -> None:
    if not (known := nodes.workers(cursor)):
        raise Refused("Citus has no nodes here: add them with citus_add_node. Nothing was changed.")
    for setting, wanted in (EVERYWHERE | HERE).items():
        cursor.execute("SELECT current_setting(%s)", [setting])
        _refuse_setting("This server", setting, cursor.fetchone()[0], *wanted)
    for setting, wanted in (EVERYWHERE | THERE).items():
        for node in known:
            there = nodes.run(cursor, node, f"SELECT current_setting('{setting}')")
            _refuse_setting(str(node), setting, there, *wanted)


def _refuse_setting(where: str, setting: str, found: str, wanted: str, purpose: str) -> None:
    if found != wanted:
        raise Refused(
            f"{where} has {setting} = {found}, and must have {wanted}: {purpose}. Nothing was "
            "changed."
        )


def _distribute(cursor: Any, schema: str) -> int:
    """How many rows there are on the node now."""
    for limit in _LIMITS:
        cursor.execute(limit)
    copying.look_from(cursor, PUBLIC)
    tables = homes.in_cells()
    cursor.execute(_LOCK.format(", ".join(f"{schema}.{table}" for table in tables)))
    before = {table: proving.whole(cursor, schema, table) for table in tables}
    for key in copying.read(cursor, _KEYS_OUT, PUBLIC, schema=schema):
        cursor.execute(key)
    cursor.execute(copying.UNCHECKED_BODIES)
    for function in copying.read(cursor, _FUNCTIONS, PUBLIC, schema=schema):
        cursor.execute("SELECT create_distributed_function(%s::regprocedure)", [function])
    # Else they fire on a table that is there while others are not.
    cursor.execute(proving.NO_TRIGGERS)
    cursor.execute("SELECT citus_schema_distribute(%s)", [schema])
    for table, rows in before.items():
        if (there := proving.whole(cursor, schema, table)) != rows:
            raise Refused(f"{table}: {rows[0]} rows went, and {there[0]} came, or others.")
    return sum(count for count, _ in before.values())


def _compare_triggers(cursor: Any, node: Node, schema: str) -> None:
    cursor.execute(_TRIGGERS, [schema])
    here = dict(cursor.fetchall())
    there = json.loads(nodes.run(cursor, node, _TRIGGERS_THERE.format(schema=schema)))
    if here != there:
        differ = sorted(name for name in {*here, *there} if here.get(name) != there.get(name))
        raise Refused(
            f"{node} has not the triggers of {', '.join(differ)}: stop web and workers, and take "
            f"the cell back with `SELECT citus_schema_undistribute('{schema}')`."
        )
