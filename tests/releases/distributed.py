"""What a distributed table (Citus) refuses: constraints inside of an added column, functions in
SQL, and trigger functions whose statements read a transition table beside another."""

import re
from collections.abc import Iterator
from functools import cache

from tests.releases.last import ROOT
from tests.releases.unseen import FLAGS, FUNCTION, plain

_INLINE = (
    "A distributed table (Citus) refuses it. Add the column alone (in database_operations, the "
)
_INLINE += "model's field in state_operations), then its constraint by name in a statement of its "
_INLINE += "own: ADD CONSTRAINT … NOT VALID; a unique index CONCURRENTLY. No column numbers itself."
_TOGETHER = "A distributed table (Citus) refuses a constraint beside other changes in one ALTER "
_TOGETHER += "TABLE. Make it a statement of its own."
_MIXED = "A distributed table (Citus) cannot be read in one statement with a transition table. "
_MIXED += "Read that one alone into arrays first, then the tables with unnest."

_IN_SQL = (
    "A distributed table (Citus) is not reached by the values of a function in SQL. Write it in "
)
_IN_SQL += "plpgsql."

_ALTER = re.compile(r"\s*ALTER\s+TABLE\s+(?:IF\s+EXISTS\s+)?(?:ONLY\s+)?[\w.\"]+\s+(.*)", FLAGS)
_ADD = re.compile(r"\s*ADD\s+(.*)", FLAGS)
_CONSTRAINT = re.compile(
    r"(?:CONSTRAINT|CHECK|UNIQUE|PRIMARY\s+KEY|FOREIGN\s+KEY|EXCLUDE)\b", FLAGS
)
_IN_COLUMN = re.compile(
    r"\b(?:CHECK|UNIQUE|PRIMARY\s+KEY|REFERENCES|AS\s+IDENTITY|(?:small|big)?serial)\b", FLAGS
)
_INNER = re.compile(r"\([^()]*\)|\"[^\"]*\"")
_TRANSITION = re.compile(r"\b(?:NEW|OLD)\s+TABLE\s+(?:AS\s+)?(\w+)", re.IGNORECASE)
_CREATED = re.compile(r"\s*CREATE\s+TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?\"?(\w+)", re.IGNORECASE)
_FUNCTION_IN_SQL = re.compile(
    r"\bFUNCTION\s+[\w.\"]+\s*\([^;$]*?\bLANGUAGE\s+sql\b[^;$]*?\$(\w*)\$(.*?)\$\1\$", FLAGS
)
_ENDS = re.compile(r";|\b(?:BEGIN|LOOP)\b", re.IGNORECASE)


def problems(statements: list[str], *, tables: set[str]) -> Iterator[tuple[str, str]]:
    """Kind and sentence of each. `tables` are those that were there before."""
    parts = [part for text in statements for part in plain(text).split(";")]
    for part in parts:
        if changes := _ALTER.match(part):
            yield from _of_changes(_outer(changes[1]).split(","))
    made = {found[1] for part in parts if (found := _CREATED.match(part))}
    transitions = _known() | {name for text in statements for name in _TRANSITION.findall(text)}
    in_sql = [body for text in statements for _, body in _FUNCTION_IN_SQL.findall(text)]
    if any(_names(body) & (tables | made) for body in in_sql):
        yield "function-in-sql", _IN_SQL
    bodies = [body for text in statements for _, _, body in FUNCTION.findall(text)]
    if any(mixes(body, transitions, tables | made) for body in bodies):
        yield "transition-beside-table", _MIXED


def _of_changes(changes: list[str]) -> Iterator[tuple[str, str]]:
    added = [found[1] for one in changes if (found := _ADD.match(one))]
    constraints = [one for one in added if _CONSTRAINT.match(one)]
    if constraints and len(changes) > 1:
        yield "constraint-beside-changes", _TOGETHER
    if any(_IN_COLUMN.search(one) for one in added if one not in constraints):
        yield "constraint-in-column", _INLINE


def _outer(text: str) -> str:
    """Without what stands in parentheses or quotes, so that commas part changes."""
    while (left := _INNER.sub(" ", text)) != text:
        text = left
    return text


def mixes(body: str, transitions: set[str], tables: set[str]) -> bool:
    """Whether a statement of a function reads one of these transition tables beside a table. What
    a loop does is no part of the query it goes through."""
    return any(_mixes(one, transitions, tables) for one in _ENDS.split(plain(body)))


def _mixes(statement: str, transitions: set[str], tables: set[str]) -> bool:
    own = set(re.findall(r"\b(\w+)\s+AS\s+(?:NOT\s+)?(?:MATERIALIZED\s+)?\(", statement, FLAGS))
    read = set(re.findall(r"(?:\b(?:FROM|JOIN|USING)|,)\s+(?:ONLY\s+)?(\w+)", statement, FLAGS))
    return bool(read & transitions - own and _names(statement) & tables)


def _names(text: str) -> set[str]:
    return set(re.findall(r"\w+", plain(text)))


@cache
def _known() -> set[str]:
    """Every name that a migration has ever given to a transition table: a function in a new form
    has its trigger in an older one."""
    files = ROOT.glob("*/migrations/*.py")
    return {name for file in files for name in _TRANSITION.findall(file.read_text())}
