"""What Citus is asked about its nodes, where the database has it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import DatabaseError
from psycopg.errors import InsufficientPrivilege, LockNotAvailable

from thinkrr_billing.cells.beginning import Refused

_HAS_CITUS = "SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'citus')"
_WHERE = """
SELECT DISTINCT nodename, nodeport FROM pg_dist_schema s
    JOIN pg_dist_partition USING (colocationid) JOIN pg_dist_shard USING (logicalrelid)
    JOIN pg_dist_placement USING (shardid) JOIN pg_dist_node n USING (groupid)
WHERE schemaid = %s::regnamespace AND noderole = 'primary'
"""
_WORKERS = "SELECT node_name, node_port FROM citus_get_active_worker_nodes() ORDER BY 1, 2"
MAY_NOT = (
    "This role may not distribute tables, or may not switch triggers off. It must own the tables, "
    "or be a superuser; and GRANT SET ON PARAMETER session_replication_role TO it on every server."
)
_RUN = "SELECT success, result FROM master_run_on_worker(ARRAY[%s], ARRAY[%s], ARRAY[%s], false)"


@dataclass(frozen=True)
class Node:
    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@contextmanager
def told(cell: str) -> Iterator[None]:
    """What fails in this block is told as a sentence: raises Refused, and OperationalError when a
    table was in use."""
    try:
        yield
    except DatabaseError as error:
        if isinstance(error.__cause__, LockNotAvailable):
            raise
        if isinstance(error.__cause__, InsufficientPrivilege):
            raise Refused(MAY_NOT) from error
        why = str(error).partition("\n")[0]
        raise Refused(f"{why}. `manage.py cells list` says where {cell} is.") from error


def refuse_without_citus(cursor: Any) -> None:
    """Raises Refused where nothing can be distributed from."""
    if not has_citus(cursor):
        raise Refused(
            "This database has no Citus: cells stay where they are, on one server. Nothing was "
            "changed."
        )


def has_citus(cursor: Any) -> bool:
    cursor.execute(_HAS_CITUS)
    return cursor.fetchone()[0]


def workers(cursor: Any) -> list[Node]:
    cursor.execute(_WORKERS)
    return [Node(*row) for row in cursor.fetchall()]


def node_of(cursor: Any, schema: str) -> Node | None:
    """Which one has the tables of this schema. None while the server itself has them."""
    cursor.execute(_WHERE, [schema])
    row = cursor.fetchone()
    return Node(*row) if row else None


def is_distributed(cursor: Any, schema: str) -> bool:
    return has_citus(cursor) and node_of(cursor, schema) is not None


def run(cursor: Any, node: Node, statements: str) -> str:
    """What a node answers, in a transaction of its own. Raises Refused when it fails."""
    cursor.execute(_RUN, [node.host, node.port, statements])
    succeeded, result = cursor.fetchone()
    if not succeeded:
        raise Refused(f"{node} refuses: {result}")
    return result
