"""Proves that accounts have moved as they were, before anybody sees it: every row by what it says,
every key by what it names, and all rules of the books over the accounts alone, on both sides."""

from typing import Any

from accounts.cells.place import across, schema_of
from thinkrr_billing.cells import belonging, nodes
from thinkrr_billing.cells.beginning import Refused
from wallets.books import checking
from wallets.books.register import rules

_COLUMNS = """
SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute
WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
ORDER BY attnum
"""
_SUM = """
SELECT count(*), COALESCE(sum(hashtextextended(one::text, 0)::numeric), 0)
FROM (SELECT {columns} FROM {target}.{table} WHERE {rows}) AS one
"""
# What a row has made happen has happened: no trigger is to do it again, or to forbid this.
NO_TRIGGERS = "SET LOCAL session_replication_role = replica"
# What names something that has gone, where it was.
_LEFT = """
WITH came AS MATERIALIZED (SELECT {one.key} AS key FROM {target}.{one.target} WHERE {rows})
SELECT 1 FROM {source}.{one.table} WHERE {one.column} IN (SELECT key FROM came) LIMIT 1
"""
# What names something that has not come.
_DANGLING = """
SELECT 1 FROM {target}.{one.table} AS own WHERE {one.column} IS NOT NULL AND {rows}
    AND NOT EXISTS (
        SELECT FROM {target}.{one.target} AS named WHERE named.{one.key} = own.{one.column})
LIMIT 1
"""
# A check of its own: nothing could be said of a rule that fails.
_UNCHECKED = "could not be checked"

# The rules that are broken, each with what it names.
Books = list[tuple[str, int | None, str]]


def columns(cursor: Any, table: str, source: str, target: str) -> str:
    """The columns of a table as a statement names them. Raises Refused when they differ."""
    known = []
    for schema in (source, target):
        cursor.execute(_COLUMNS, [f"{schema}.{table}"])
        known.append(dict(cursor.fetchall()))
    if known[0] != known[1]:
        raise Refused(f"{table} is another in {source} than in {target}: run `manage.py migrate`.")
    return ", ".join(f'"{name}"' for name in known[0])


def whole(cursor: Any, schema: str, table: str) -> tuple[int, int]:
    """How many rows a table has, and the sum of what they say."""
    names = columns(cursor, table, schema, schema)
    cursor.execute(_SUM.format(columns=names, target=schema, table=table, rows="true"))
    return cursor.fetchone()


def compare(cursor: Any, moved: dict[str, tuple[int, int]], *, source: str, target: str) -> None:
    """Raises Refused unless what came is what went, nothing of it was left, and nothing is missing.

    `moved` has the number and the sum of the rows that went, by their tables.
    """
    for table, went in moved.items():
        names, rows = columns(cursor, table, source, target), belonging.rows(table, target)
        cursor.execute(_SUM.format(columns=names, target=target, table=table, rows=rows))
        if (came := cursor.fetchone()) != went:
            raise Refused(f"{table}: {went[0]} rows went, and {came[0]} came, or others.")
    for one in belonging.references():
        for query, rows, what in (
            (_LEFT, belonging.rows(one.target, target), "was written meanwhile"),
            (_DANGLING, belonging.rows(one.table, target), "names what did not come"),
        ):
            cursor.execute(query.format(one=one, source=source, target=target, rows=rows))
            if cursor.fetchone() is not None:
                raise Refused(f"{one.table}.{one.column}: a row {what}. Nothing was changed.")


def books(cursor: Any, cell: str) -> Books:
    """What every rule finds of the accounts that move, as if they were alone in this cell: for it
    the tables have their rows only. The guards of tables are missing then, on both sides."""
    schema, tables = schema_of(cell), belonging.tables()
    # From a node of Citus rows are fetched once: not every rule can be asked there.
    kind = "TABLE" if nodes.is_distributed(cursor, schema) else "VIEW"
    for table in tables:
        rows = belonging.rows(table, schema)
        own = f"SELECT * FROM {schema}.{table} WHERE {rows}"  # nosec B608 # names of ours
        cursor.execute(f"CREATE TEMPORARY {kind} {table} AS {own}")
    with across(cell):
        found = [row for rule in rules for row in checking.check_rule(rule)]
    cursor.execute(f"DROP {kind} {', '.join(f'pg_temp.{table}' for table in tables)}")
    if unchecked := [row for row in found if row.text.startswith(_UNCHECKED)]:
        raise Refused(f"The books cannot be proved: {unchecked[0]}")
    return sorted((row.rule, row.wallet_id or 0, row.text) for row in found)


def compare_books(before: Books, after: Books) -> None:
    """Raises Refused when a rule finds in one cell what it does not find in the other."""
    if before != after:
        differ = sorted(set(before) ^ set(after))
        raise Refused(f"The books differ: {differ[0] if differ else before[:1]}")
