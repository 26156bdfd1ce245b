"""What squawk says nothing of: rows written at once, tables written anew, guards that are new or
gone, and statements that nobody can read."""

import re
from collections.abc import Iterator

_DATA = "Rows of a large table stay locked until all are done. Make it RunPython in batches, each "
_DATA += "its own transaction and safe to repeat, in a migration with atomic = False."
_GUARD = "Yesterday's code may write what it refuses. Release first the code that writes nothing "
_GUARD += "else, then this, and say so in `allowed`."

FLAGS = re.IGNORECASE | re.DOTALL
_NAME = r'"?(?:\w+"?\."?)?(\w+)"?'
# How a statement begins, without its texts, bodies and comments.
_BEGINNINGS = {
    "data-in-one-transaction": (
        r"UPDATE|DELETE|MERGE|INSERT\b.*\bSELECT|WITH\b.*\b(?:UPDATE|DELETE|INSERT)",
        _DATA,
    ),
    "table-written-anew": (
        r"VACUUM\b.*\bFULL|CLUSTER|REFRESH\s+MATERIALIZED\s+VIEW\s+(?!CONCURRENTLY)"
        r"|ALTER\s+TABLE\b.*\bSET\s+(?:LOGGED|UNLOGGED|TABLESPACE)",
        "Every row is written anew, and nobody reads it meanwhile. That is no part of a release.",
    ),
    "table-emptied-or-locked": (
        r"TRUNCATE|LOCK|ALTER\s+TABLE\b.*\bATTACH\s+PARTITION",
        "Everybody waits for the table until the transaction ends. Do without.",
    ),
    "right-taken-away": (
        r"REVOKE",
        "Yesterday's code may use it. Rights are given and taken by grant_application_role.",
    ),
    "statements-nobody-reads": (
        r"DO",
        "What a DO block does is not judged here. Write its statements as they are.",
    ),
}
_BEGINS = {
    kind: (re.compile(rf"\s*(?:{words})\b", FLAGS), said)
    for kind, (words, said) in _BEGINNINGS.items()
}
_GONE = "Yesterday's code counts on it. Create its new form in the same migration, or say in "
_GONE += "`allowed` why nobody needs it."

# Dollars may have a name between them: $body$ … $body$.
_TEXT = re.compile(r"\$(\w*)\$.*?\$\1\$|'(?:[^']|'')*'", re.DOTALL)
_COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
FUNCTION = re.compile(rf"\bFUNCTION\s+{_NAME}\s*\([^;]*?\$(\w*)\$(.*?)\$\2\$", FLAGS)
_RAISES = re.compile(r"\bRAISE\b(?!\s+(?:DEBUG|LOG|INFO|NOTICE|WARNING)\b)", re.IGNORECASE)
_TRIGGER = re.compile(
    rf"\s*CREATE\b.*?\bTRIGGER\s+{_NAME}.*?\bON\s+{_NAME}.*?\bEXECUTE\s+\w+\s+{_NAME}", FLAGS
)
_UNIQUE = re.compile(rf"\s*CREATE\s+UNIQUE\s+INDEX\b.*?\bON\s+(?:ONLY\s+)?{_NAME}", FLAGS)
_NO_TRIGGER = re.compile(rf"\s*DROP\s+TRIGGER\s+(?:IF\s+EXISTS\s+)?{_NAME}\s+ON\s+{_NAME}", FLAGS)
_OFF = re.compile(rf"\s*ALTER\s+TABLE\s+(?:ONLY\s+)?{_NAME}\s+DISABLE\s+(?:TRIGGER|RULE)\b", FLAGS)


def problems(statements: list[str], *, tables: set[str]) -> Iterator[tuple[str, str]]:
    """Kind and sentence of each. `tables` are those that yesterday's code knows."""
    parts = [part for text in statements for part in plain(text).split(";")]
    for part in parts:
        yield from ((kind, said) for kind, (begins, said) in _BEGINS.items() if begins.match(part))
        if (unique := _UNIQUE.match(part)) and unique[1] in tables:
            yield "narrower", _GUARD
    yield from _of_triggers(statements, parts, tables)


def _of_triggers(
    statements: list[str], parts: list[str], tables: set[str]
) -> Iterator[tuple[str, str]]:
    written = {
        name: bool(_RAISES.search(plain(body)))
        for text in statements
        for name, _, body in FUNCTION.findall(text)
    }
    made = [found.groups() for part in parts if (found := _TRIGGER.match(part))]
    used = {function for _, _, function in made}
    # What a function of an older migration does is not known here.
    if any(table in tables and written.get(function, True) for _, table, function in made):
        yield "narrower", _GUARD
    if any(raises and name not in used for name, raises in written.items()):
        yield "narrower", _GUARD
    for part in parts:
        gone = (found := _NO_TRIGGER.match(part)) and found.groups()
        replaced = gone and gone in {(name, table) for name, table, _ in made}
        if _OFF.match(part) or (gone and not replaced and gone[1] in tables):
            yield "trigger-dropped", _GONE


def plain(text: str) -> str:
    """A statement without its texts, bodies and comments."""
    return _COMMENT.sub(" ", _TEXT.sub("''", text))
