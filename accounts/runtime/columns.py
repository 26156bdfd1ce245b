"""Many values as one text: writing a list costs psycopg ten times what joining it costs."""

from collections.abc import Iterable


def column(values: Iterable[object]) -> str:
    """Numbers, ids, moments or words of our own as an array of PostgreSQL's; None is NULL.

    Never what others may have written: it could hold what an array is made of.
    """
    return "{" + ",".join("NULL" if value is None else str(value) for value in values) + "}"


def lines(texts: Iterable[str]) -> str:
    """Printable texts, one a line: `string_to_array(…, chr(10))` tells them apart again.

    What is printable has no line breaks; ask `str.isprintable` before.
    """
    return "\n".join(texts)
