"""All tables, sequences and functions of ours into one schema, and that to a worker."""

from tests.cells.nodes import DATABASE, Nodes

CELL = "cell_a"
# What belongs to no extension; sequences of columns go with their tables.
OURS = f"""
SELECT format('ALTER %s %s SET SCHEMA {CELL}', kind, name) FROM (
    SELECT 'TABLE' AS kind, oid::regclass::text AS name, oid, 'pg_class'::regclass AS catalogue
    FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace
    UNION ALL
    SELECT 'SEQUENCE', oid::regclass::text, oid, 'pg_class'::regclass FROM pg_class
    WHERE relkind = 'S' AND relnamespace = 'public'::regnamespace AND NOT EXISTS (
        SELECT FROM pg_depend d WHERE d.objid = pg_class.oid AND d.deptype IN ('a', 'i'))
    UNION ALL
    SELECT 'FUNCTION', oid::regprocedure::text, oid, 'pg_proc'::regclass FROM pg_proc
    WHERE pronamespace = 'public'::regnamespace) AS found
WHERE NOT EXISTS (SELECT FROM pg_depend d
                  WHERE d.classid = catalogue AND d.objid = found.oid AND d.deptype = 'e')
"""


def distribute(nodes: Nodes) -> None:
    """Call when the tables are there. A setting of the database holds on all nodes."""
    moves = [text for (text,) in nodes.sql(OURS)]
    nodes.sql(f"CREATE SCHEMA {CELL}")
    nodes.sql("; ".join(moves))
    nodes.sql(f"ALTER DATABASE {DATABASE} SET search_path = {CELL}, public")
    # Else triggers fire on a table that is there while others are not.
    nodes.sql(f"ALTER DATABASE {DATABASE} SET session_replication_role = replica")
    nodes.sql("SELECT citus_schema_distribute(%s)", CELL)
    nodes.sql(f"ALTER DATABASE {DATABASE} RESET session_replication_role")


def place(nodes: Nodes) -> int:
    """The port of the worker that has the cell."""
    ((port,),) = nodes.sql("SELECT DISTINCT nodeport FROM citus_shards")
    return port


# Rows that are numbered: where each sequence stands is known where the cell was.
NUMBERED = """
SELECT c.oid::regclass::text, a.attname, pg_get_serial_sequence(c.oid::regclass::text, a.attname)
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relnamespace = %s::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
    AND pg_get_serial_sequence(c.oid::regclass::text, a.attname) IS NOT NULL
"""
# More than any table grows by while the cell moves.
AHEAD = 1_000_000


def move(nodes: Nodes, port: int) -> None:
    """To the worker of this port, while it goes on. Each worker numbers rows in a range of its own:
    there numbers go on above those that there are, since entries are read in their order."""
    for table, column, sequence in nodes.sql(NUMBERED, CELL):
        ((last,),) = nodes.sql(f"SELECT max({column}) FROM {table}")  # nosec B608 # constants of ours
        if last is not None:
            above = f"GREATEST({last + AHEAD}, last_value)"
            nodes.sql(
                "SET citus.enable_ddl_propagation = off;"
                f"ALTER SEQUENCE {sequence} NO MAXVALUE;"
                f"SELECT setval('{sequence}', {above}) FROM {sequence}",
                port=port,
            )
    nodes.sql("SELECT citus_schema_move(%s, '127.0.0.1', %s)", CELL, port)
