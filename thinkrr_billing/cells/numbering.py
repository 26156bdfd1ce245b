"""Keys of a cell whose accounts come from elsewhere.

Entries are read in the order of their keys, so a cell goes on above whatever came into it. Two
cells never count in the same range: where one would have to, it gets the next that nobody has.
On Citus a node counts for itself: in the upper half of the range of its cell."""

from collections.abc import Iterable
from typing import Any

from thinkrr_billing.cells import nodes
from thinkrr_billing.cells.beginning import NUMBER_OF_PUBLIC, Refused
from thinkrr_billing.cells.copying import KEYS_OF_A_CELL, MOST_CELLS
from thinkrr_billing.cells.nodes import Node

OF_A_NODE = KEYS_OF_A_CELL // 2

_SEQUENCES = """
SELECT s.oid::regclass::text, t.relname::text, attname::text
FROM pg_class s JOIN pg_depend d ON d.objid = s.oid AND d.deptype IN ('i', 'a')
    JOIN pg_class t ON t.oid = d.refobjid
    JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid
WHERE s.relkind = 'S' AND t.relnamespace = %s::regnamespace
"""
# Behind those of all cells that there may be, and below that of `public`.
_NEXT_RANGE = f"""
SELECT GREATEST({MOST_CELLS}, max(last_value) / {KEYS_OF_A_CELL} + 1) FROM pg_sequences
WHERE schemaname LIKE 'cell\\_%'
"""  # nosec B608 # names of ours

# By itself Citus counts in a range a node, which all cells there share. Such a sequence may not be
# altered through it.
_ON_NODE = """
DO $$ BEGIN
    SET LOCAL citus.enable_ddl_propagation = off;
    {}
END $$
"""
_GO_ON = """
    ALTER SEQUENCE {sequence} MINVALUE 1 NO MAXVALUE;
    PERFORM setval('{sequence}', CASE WHEN last_value BETWEEN {first} AND {last}
                   THEN GREATEST(last_value, {above}) ELSE {above} END) FROM {sequence};
"""


def count_above(cursor: Any, schema: str, tables: Iterable[str]) -> None:
    """Let keys that are given in this schema be greater than all that these tables have.

    What was given is not given again, should the transaction end otherwise. Raises Refused when
    there is no range left.
    """
    cursor.execute(_SEQUENCES, [schema])
    sequences = cursor.fetchall()
    moved = set(tables)
    if not any(_is_behind(cursor, schema, *one) for one in sequences if one[1] in moved):
        return
    cursor.execute(_NEXT_RANGE)
    (number,) = cursor.fetchone()
    if number >= NUMBER_OF_PUBLIC - 1:
        raise Refused("No range of keys is left: accounts can only move to a cell that is younger.")
    for sequence, _, _ in sequences:
        cursor.execute("SELECT setval(%s, %s)", [sequence, number * KEYS_OF_A_CELL + 1])
    if nodes.has_citus(cursor) and (node := nodes.node_of(cursor, schema)):
        count_on(cursor, node, schema)


def count_on(cursor: Any, node: Node, schema: str, *, ahead: int = 0) -> None:
    """Let this node give keys that are greater by `ahead` than those that there are. Repeatable.

    Raises Refused when the node fails, and when its half of the range is used up.
    """
    cursor.execute(_SEQUENCES, [schema])
    parts = []
    for sequence, table, column in cursor.fetchall():
        given, greatest = _given(cursor, sequence), _greatest(cursor, schema, table, column)
        first = _range(given) * KEYS_OF_A_CELL + OF_A_NODE
        last = first + OF_A_NODE - 1
        above = max(first, greatest + ahead)
        # What is beyond was given by Citus, before this was done for the first time.
        if greatest <= last < above:
            raise Refused(f"{sequence} has no keys left on a node: move agencies to a new cell.")
        parts.append(_GO_ON.format(sequence=sequence, first=first, last=last, above=above))
    nodes.run(cursor, node, _ON_NODE.format("".join(parts)))


def _is_behind(cursor: Any, schema: str, sequence: str, table: str, column: str) -> bool:
    greatest = _greatest(cursor, schema, table, column)
    return _range(greatest) > _range(_given(cursor, sequence))


def _range(key: int) -> int:
    return key // KEYS_OF_A_CELL


def _given(cursor: Any, sequence: str) -> int:
    cursor.execute(f"SELECT last_value FROM {sequence}")  # nosec B608 # names of ours
    return cursor.fetchone()[0]


def _greatest(cursor: Any, schema: str, table: str, column: str) -> int:
    cursor.execute(f"SELECT COALESCE(max({column}), 0) FROM {schema}.{table}")  # nosec B608 # names of ours
    return cursor.fetchone()[0]
