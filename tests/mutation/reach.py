"""Which test reaches which line of the modules that are played; kept from run to run."""

import ast
import hashlib
import json
import os
import sys
import threading
import time
from collections.abc import Callable, Container, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import pytest
from _pytest.runner import runtestprotocol

from tests.mutation.operators import functions


class Reach:
    """Of each test: the digest of its text, its seconds, and the places it reaches, by module."""

    def __init__(self, *, root: Path, kept: Path, modules: list[str]) -> None:
        self.root, self.kept, self.modules = root, kept, modules
        self.tests: dict[str, dict] = {}
        # Those that fail without any mutant.
        self.broken: list[str] = []

    def record(self, session: pytest.Session) -> None:
        """Run the tests whose reach is not known, or was known of another text of theirs or of the
        modules to play. What a change elsewhere does to it is looked at when that is played."""
        kept = _load(self.kept)
        files = {path: digest((self.root / path).read_text()) for path in self.modules}
        known = kept.get("files", {})
        changed = {path for path, text in files.items() if known.get(path) != text}
        files = {**known, **files}
        self.watched = {path for path in files if (self.root / path).exists()}
        # Nobody looked at these when the tests were recorded.
        is_new = any(spans(self.root / path) for path in {*self.modules} - known.keys())
        items = {item.nodeid: item for item in session.items}
        self.digests = _digests_of_tests(self.root, items)
        for test, facts in ({} if is_new else kept.get("tests", {})).items():
            is_same = facts["digest"] == self.digests.get(test)
            if is_same and not changed & facts["lines"].keys():
                self.tests[test] = facts
        wanted = [item for test, item in items.items() if test not in self.tests]
        # At least one that needs much: what stands for the whole session, such as the database and
        # the sandbox, has to stand before the first fork, or each fork would start its own.
        wanted = wanted or [max(items.values(), key=lambda item: len(item.fixturenames))]
        print(f"recording which lines {len(wanted)} tests reach", flush=True)
        places = {str(self.root / path): spans(self.root / path) for path in self.watched}
        try:
            for item, following in zip(wanted, [*wanted[1:], session], strict=True):
                self._record_one(item, following, places)
        finally:
            self.kept.write_text(json.dumps({"files": files, "tests": self.tests}))

    def _record_one(self, item: pytest.Item, following: object, places: dict) -> None:
        started = time.monotonic()
        with _reach(places) as reached:
            passed = run(item, following)
        if not passed:
            self.broken.append(item.nodeid)
            return
        lines: dict[str, list[str]] = {}
        for filename, line in reached:
            if place := places[filename].get(line):
                lines.setdefault(os.path.relpath(filename, self.root), []).append(place)
        self.tests[item.nodeid] = {
            "digest": self.digests[item.nodeid],
            "seconds": time.monotonic() - started,
            "lines": lines,
        }


def run(item: pytest.Item, following: object) -> bool:
    """Whether the test passed, set up and torn down for what follows."""
    return not any(report.failed for report in runtestprotocol(item, log=False, nextitem=following))


@contextmanager
def _reach(filenames: Container[str]) -> Iterator[set[tuple[str, int]]]:
    """The (file, line) pairs that run while this is entered, in every thread."""
    lines = set()

    def called(frame: FrameType, *_: object) -> Callable | None:
        return stepped if frame.f_code.co_filename in filenames else None

    def stepped(frame: FrameType, *_: object) -> Callable:
        lines.add((frame.f_code.co_filename, frame.f_lineno))
        return stepped

    threading.settrace(called)
    sys.settrace(called)
    try:
        yield lines
    finally:
        sys.settrace(None)
        threading.settrace(None)


def spans(file: Path) -> dict[int, str]:
    """Line → function and the line's number in it, which an edit elsewhere does not change."""
    return {
        line: f"{name}+{line - node.lineno}"
        for name, node in functions(ast.parse(file.read_text()))
        for line in range(node.lineno, node.end_lineno + 1)
    }


def _digests_of_tests(root: Path, tests: Iterable[str]) -> dict[str, str]:
    """By the text of its function and of what that uses of its file, directly or not."""
    found, texts = {}, {}
    for test in tests:
        path, _, name = test.partition("::")
        if path not in texts:
            texts[path] = _definitions((root / path).read_text())
        found[test] = digest("\n".join(_used(texts[path], name.partition("[")[0])))
    return found


def _definitions(source: str) -> dict[str, tuple[str, set[str]]]:
    """What a file defines: name → its text, and all names in that."""
    found = {}
    for node in ast.parse(source).body:
        parts = list(ast.walk(node))
        names = [part for part in parts if isinstance(part, ast.Name)]
        stored = [name.id for name in names if isinstance(name.ctx, ast.Store)]
        # A fixture is named by the argument that wants it.
        used = {name.id for name in names} | {p.arg for p in parts if isinstance(p, ast.arg)}
        defined = [node.name] if isinstance(node, ast.FunctionDef | ast.ClassDef) else stored
        found |= dict.fromkeys(defined, (ast.unparse(node), used))
    return found


def _used(definitions: dict[str, tuple[str, set[str]]], name: str) -> list[str]:
    seen: set[str] = set()
    waiting = {name, "pytestmark"}
    while waiting:
        seen |= waiting
        waiting = {used for one in waiting & definitions.keys() for used in definitions[one][1]}
        waiting -= seen
    return sorted(definitions[one][0] for one in seen & definitions.keys())


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _load(file: Path) -> dict:
    return json.loads(file.read_text()) if file.exists() else {}
