"""Keys of a cell whose accounts come from elsewhere.

Entries are read in the order of their keys, so a cell goes on above whatever came into it. Two
cells never count in the same range: where one would have to, it gets the next that nobody has."""

from collections.abc import Iterable
from typing import Any

from thinkrr_billing.cells.beginning import NUMBER_OF_PUBLIC, Refused
from thinkrr_billing.cells.copying import KEYS_OF_A_CELL, MOST_CELLS

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


def _is_behind(cursor: Any, schema: str, sequence: str, table: str, column: str) -> bool:
    cursor.execute(
        f"SELECT COALESCE(max({column}) > (SELECT last_value FROM {sequence}), false)"  # nosec B608 # names of ours
        f" FROM {schema}.{table}"
    )
    return cursor.fetchone()[0]
