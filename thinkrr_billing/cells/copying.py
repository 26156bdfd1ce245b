"""The structure of tables made again in another schema, from PostgreSQL's own catalog.

Names stay, so that migrations find them; rows stay behind. What is read is written as whoever looks
from within its schema sees it, and run from within the other."""

from collections.abc import Sequence
from typing import Any

from thinkrr_billing.cells.homes import PUBLIC

# Keys of a cell's rows begin here for each number, so that no two cells have the same: an agency
# can move, and what names a row names one. Below 2 ** 53, which programs in JavaScript can count.
KEYS_OF_A_CELL = 2**40
MOST_CELLS = 1000
# And numbers of its credit notes behind these: papers that have moved keep theirs.
NUMBERS_OF_A_CELL = 10**9

_SERIES = """
INSERT INTO {schema}.wallets_creditnoteseries (id, last)
SELECT 1, coalesce(max(credit_note_number), {first}) FROM {schema}.wallets_reversal
ON CONFLICT DO NOTHING
"""
# What stands in a function is looked up when it runs.
UNCHECKED_BODIES = "SET LOCAL check_function_bodies = off"
_FUNCTIONS = """
SELECT pg_get_functiondef(p.oid) FROM pg_proc p WHERE pronamespace = %(schema)s::regnamespace
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
ORDER BY proname, p.oid
"""
_LIKE = (
    "CREATE TABLE {} (LIKE {} INCLUDING COMMENTS INCLUDING COMPRESSION INCLUDING CONSTRAINTS "
    "INCLUDING DEFAULTS INCLUDING GENERATED INCLUDING IDENTITY INCLUDING STATISTICS "
    "INCLUDING STORAGE)"
)
# Keys before what refers to them.
_CONSTRAINTS = """
SELECT format('ALTER TABLE %%I ADD CONSTRAINT %%I %%s', relname, conname,
              pg_get_constraintdef(c.oid, true))
FROM pg_constraint c JOIN pg_class t ON t.oid = conrelid
WHERE relnamespace = %(schema)s::regnamespace AND relname = ANY(%(tables)s)
    AND contype IN ('p', 'u', 'x', 'f')
ORDER BY contype = 'f', relname, conname
"""
_INDEXES = """
SELECT pg_get_indexdef(i.indexrelid, 0, true)
FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid JOIN pg_class n ON n.oid = i.indexrelid
WHERE t.relnamespace = %(schema)s::regnamespace AND t.relname = ANY(%(tables)s)
    AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid
                    AND c.contype IN ('p', 'u', 'x'))
ORDER BY t.relname, n.relname
"""
_TRIGGERS = """
SELECT pg_get_triggerdef(g.oid, true) FROM pg_trigger g JOIN pg_class t ON t.oid = tgrelid
WHERE NOT tgisinternal AND relnamespace = %(schema)s::regnamespace AND relname = ANY(%(tables)s)
ORDER BY relname, tgname
"""
_RIGHTS = """
SELECT privilege_type, CASE relkind WHEN 'S' THEN 'SEQUENCE ' ELSE 'TABLE ' END, relname::text,
       CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END
FROM pg_class CROSS JOIN aclexplode(relacl)
WHERE relnamespace = %(source)s::regnamespace AND relkind IN ('r', 'S') AND grantee <> relowner
    AND relname IN (SELECT relname FROM pg_class WHERE relnamespace = %(target)s::regnamespace)
UNION ALL
SELECT privilege_type, 'SCHEMA', '',
       CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END
FROM pg_namespace CROSS JOIN aclexplode(nspacl) WHERE nspname = %(source)s AND grantee <> nspowner
"""
_COUNTED = """
SELECT s.relname::text, t.relname::text || '.' || attname, d.deptype::text
FROM pg_class s JOIN pg_depend d ON d.objid = s.oid AND d.deptype IN ('i', 'a')
    JOIN pg_class t ON t.oid = d.refobjid
    JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid
WHERE s.relkind = 'S' AND t.relnamespace = %(schema)s::regnamespace AND t.relname = ANY(%(tables)s)
"""


def functions(cursor: Any, *, source: str, target: str) -> None:
    """Make each function of one schema again in the other."""
    cursor.execute(UNCHECKED_BODIES)
    for text in read(cursor, _FUNCTIONS, source, schema=source):
        cursor.execute(text.replace(f" FUNCTION {source}.", f" FUNCTION {target}.", 1))


def tables(cursor: Any, names: Sequence[str], *, source: str, target: str, number: int) -> None:
    """Make these tables again, empty, with all that belongs to them but functions, which must be
    there. Keys that the database gives begin where those of the cell of this number do."""
    for name in names:
        cursor.execute(_LIKE.format(f"{target}.{name}", f"{source}.{name}"))
    _count_from(cursor, (number - 1) * KEYS_OF_A_CELL + 1, names, source=source, target=target)
    for query in (_CONSTRAINTS, _INDEXES, _TRIGGERS):
        texts = read(cursor, query, source, schema=source, tables=list(names))
        look_from(cursor, target, PUBLIC)
        for text in texts:
            cursor.execute(text)


def _count_from(cursor: Any, first: int, names: Sequence[str], *, source: str, target: str) -> None:
    """Keys came with their tables; what else counts for a table is made again."""
    cursor.execute(_COUNTED, {"schema": source, "tables": list(names)})
    for sequence, column, kind in cursor.fetchall():
        if kind == "a":
            cursor.execute(f"CREATE SEQUENCE {target}.{sequence} OWNED BY {target}.{column}")
        cursor.execute(f"ALTER SEQUENCE {target}.{sequence} RESTART WITH {first}")


def begin_series(cursor: Any, schema: str, *, number: int) -> None:
    """Let the credit notes of the cell of this number follow each other without gaps."""
    first = (number - 1) * NUMBERS_OF_A_CELL + 1000
    cursor.execute(_SERIES.format(schema=schema, first=first))


def rights(cursor: Any, *, source: str, target: str) -> None:
    """Let everybody do with the tables of one schema what they may do with those of the other."""
    cursor.execute(_RIGHTS, {"source": source, "target": target})
    for right, kind, name, whom in cursor.fetchall():
        on = f"{kind}{target}.{name}" if name else f"{kind} {target}"
        cursor.execute(f"GRANT {right} ON {on} TO {whom}")


def read(cursor: Any, query: str, *seen_from: str, **values: object) -> list[str]:
    """The texts that the catalog answers to whoever looks from within these schemas."""
    look_from(cursor, *seen_from)
    cursor.execute(query, values)
    return [text for (text,) in cursor.fetchall()]


def look_from(cursor: Any, *schemas: str) -> None:
    """Until the transaction ends."""
    cursor.execute(f"SET LOCAL search_path TO {', '.join(schemas)}")
