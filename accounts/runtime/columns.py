"""Many values as one text: writing a list costs psycopg ten times what joining it costs."""

from collections.abc import Iterable


def column(values: Iterable[object]) -> str:
    """Numbers, ids, moments or words of our own, `NULL` among them, as an array of PostgreSQL's.

    Never what others may have written: it could hold what an array is made of.
    """
    return "{" + ",".join(map(str, values)) + "}"


def lines(texts: Iterable[str]) -> str:
    """Printable texts, one a line: `string_to_array(…, chr(10))` tells them apart again.

    What is printable has no line breaks; ask `str.isprintable` before.
    """
    return "\n".join(texts)
