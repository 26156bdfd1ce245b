"""docs/guide-coverage.md and the tests of the guide agree, in both directions."""

import ast
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2]
TABLE = FOLDER / "docs" / "guide-coverage.md"
# As many as the guide has, counted by hand: a line cannot get lost unnoticed.
SENTENCES = 61
_HEADS = ("| Sentence | Test |", "|---|---|")
_ROW = re.compile(r"\| (?P<sentence>.+) \| `(?P<path>[^`]+)::(?P<name>test_\w+)` \|")


def _rows() -> list[tuple[str, str, str]]:
    """Sentence, path and test of every line of the tables, which all have this shape."""
    lines = [line for line in TABLE.read_text().splitlines() if line.startswith("|")]
    found = [_ROW.fullmatch(line) for line in lines if line not in _HEADS]
    assert all(found), "a line of docs/guide-coverage.md names no test"
    return [(row["sentence"], row["path"], row["name"]) for row in found]


def _tests(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    return {
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


def _twice(values: Iterable) -> list:
    return [value for value, count in Counter(values).items() if count > 1]


def test_every_test_named_in_the_table_exists() -> None:
    missing = [f"{path}::{name}" for _, path, name in _rows() if name not in _tests(FOLDER / path)]

    assert missing == []


def test_every_sentence_of_the_guide_has_one_test_of_its_own() -> None:
    rows = _rows()

    assert len(rows) == SENTENCES
    assert _twice(sentence for sentence, _, _ in rows) == []
    assert _twice(row[1:] for row in rows) == []


def test_every_test_of_the_guide_is_in_the_table() -> None:
    here = Path(__file__)
    written = {
        (f"tests/guide/{path.name}", name)
        for path in here.parent.glob("test_*.py")
        if path != here
        for name in _tests(path)
    }

    assert written == {row[1:] for row in _rows()}
