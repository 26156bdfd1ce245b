"""A cell from one node of Citus to another, while it goes on."""

import time
from typing import Any

from django.db import connection, transaction

from accounts.cells.place import schema_of
from accounts.models import Cell
from thinkrr_billing.cells import nodes, numbering
from thinkrr_billing.cells.beginning import Refused
from thinkrr_billing.cells.nodes import Node

# More than any table of a cell grows by while it is copied: ten thousand rows a second for a day.
AHEAD = 10**9


def put(*, name: str, node: Node) -> float | None:
    """Copy a distributed cell to this node and let it go on there: how many seconds that took. None
    when it is there already.

    Call outside of all cells, as the owner of the tables. Raises Refused, with nothing changed.
    """
    schema = schema_of(name)
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        if _stays(cursor, name, node):
            return None
        # Entries are read in the order of their keys, and there another sequence gives them.
        numbering.count_on(cursor, node, schema, ahead=AHEAD)
    began = time.monotonic()
    with nodes.told(name), transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")
        cursor.execute("SELECT citus_schema_move(%s, %s, %s)", [schema, node.host, node.port])
    return time.monotonic() - began


def _stays(cursor: Any, name: str, node: Node) -> bool:
    nodes.refuse_without_citus(cursor)
    if not Cell.objects.filter(name=name).exists():
        raise Refused(f"There is no cell {name}. `manage.py cells list` shows them.")
    where = nodes.node_of(cursor, schema_of(name))
    if where is None:
        raise Refused(f"{name} is on no node yet: `manage.py cells prepare {name}` comes first.")
    known = nodes.workers(cursor)
    if node not in known:
        names = ", ".join(map(str, known)) or "none"
        raise Refused(f"Citus has no node {node}; it has {names}. Nothing was changed.")
    return where == node
