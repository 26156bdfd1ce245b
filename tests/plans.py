"""How much PostgreSQL reads to answer a statement."""

from collections.abc import Callable

from django.db import connection


def sent_by(look: Callable[[], object]) -> list[tuple[str, object]]:
    """The statements that this sends through Django's cursors, with their values."""
    sent = []

    def watch(execute, sql, values, many, context):
        sent.append((sql, values))
        return execute(sql, values, many, context)

    with connection.execute_wrapper(watch):
        look()
    return sent


def rows_read_by(look: Callable[[], object], *, of: str) -> int:
    """`rows_read` of all that this sends."""
    return sum(rows_read(sql, values, of=of) for sql, values in sent_by(look))


def rows_read(statement: str, values: object, *, of: str) -> int:
    """The rows of a table it looks at, and those that joins with them then leave out. Runs it."""
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", values)
        [[[plan]]] = cursor.fetchall()
    nodes, read = [plan["Plan"]], 0
    while nodes:
        node = nodes.pop()
        nodes += node.get("Plans", [])
        left_out = node.get("Rows Removed by Filter", 0) + node.get(
            "Rows Removed by Join Filter", 0
        )
        seen = node["Actual Rows"] if node.get("Relation Name") == of else 0
        if node.get("Relation Name") in (of, None):
            read += round((seen + left_out) * node["Actual Loops"])
    return read
