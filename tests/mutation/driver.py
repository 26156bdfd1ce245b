"""Plays every mutant against the tests that reach it: each in a fork of one loaded pytest.

Django, the database and the Stripe sandbox are made once. A fork puts the mutant's code into the
function, runs the tests that reached its lines, quickest first, and ends at the first failure.
"""

import ast
import gc
import hashlib
import json
import linecache
import os
import re
import signal
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Container, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FrameType, FunctionType

import pytest
from _pytest.runner import runtestprotocol
from django.conf import settings

from tests.mutation.operators import Mutant, constants, functions, mutants, stepped

KILLED, SURVIVED, TIMED_OUT, UNREACHED = "killed", "survived", "timed out", "unreached"
NOT_PLAYED = "not played"


@dataclass
class Plan:
    """What to mutate, and how: `[tool.mutants]`, and what was asked for."""

    root: Path
    modules: list[str]
    tests: list[str]
    marks: str
    skip_calls: list[str]
    skip_keywords: list[str]
    # Test files about a module, or about a folder's modules (a key that ends in /), beside the one
    # whose path mirrors the module's: all their tests that reach a mutant are played.
    own_tests: dict[str, list[str]]
    # How many others are, the quickest first.
    others_most: int
    seconds_most: int
    only: str
    # Forget what is known, and play the survivors that stay, too.
    fresh: bool

    def __post_init__(self) -> None:
        kept = self.root / ".data" / "mutation"
        kept.mkdir(parents=True, exist_ok=True)
        self.recording = kept / "reach.json"
        # Who killed which mutant: a line each, so that a run that was stopped goes on.
        self.killed = kept / "killed.jsonl"
        if self.fresh:
            self.recording.unlink(missing_ok=True)
            self.killed.unlink(missing_ok=True)
        file = self.root / "docs" / "mutation.md"
        text = " ".join(file.read_text().split()) if file.exists() else ""
        # The mutants that may survive, by name.
        self.explained = set(re.findall(r"- `(\S+ \S+: .+?)`: ", text))

    def tests_about(self, path: str) -> list[str]:
        """The files whose tests are all played if they reach a mutant of this module."""
        *folders, name = Path(path).parts
        mirrored = Path(*folders[:1], "tests", *folders[1:], f"test_{name}")
        more = [tests for about, tests in self.own_tests.items() if path.startswith(about)]
        return [str(mirrored), *sum(more, [])]


class Driver:
    """A pytest plugin whose loop, instead of running tests, runs mutants."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.outcomes: list[tuple[Mutant, str, str]] = []
        self.broken: list[str] = []
        self.recorded: dict[str, dict] = {}
        # How many mutants of a function each test has killed.
        self.kills: Counter[tuple[str, str]] = Counter()
        # Those that killed any, once seen to pass without a mutant.
        self.killers: set[str] = set()
        lines = plan.killed.read_text().splitlines() if plan.killed.exists() else []
        self.killed_before = {fact["mutant"]: fact for fact in map(json.loads, lines)}
        self.known = 0

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        self.items = {item.nodeid: item for item in session.items}
        self.session = session
        self._record()
        if not self.broken:
            self.functions = _loaded_functions()
            gc.freeze()
            for path in self.plan.modules:
                self._play_module(path)
        session._setupstate.teardown_exact(None)
        return True

    # --- which test reaches which line

    def _record(self) -> None:
        """Run the tests whose reach is not known, or was known of another text of theirs or of the
        modules to play. What a change elsewhere does to it is looked at when that is played."""
        kept = _load(self.plan.recording)
        files = {path: _digest((self.plan.root / path).read_text()) for path in self.plan.modules}
        known = kept.get("files", {})
        changed = {path for path, digest in files.items() if known.get(path) != digest}
        files = {**known, **files}
        self.watched = {path for path in files if (self.plan.root / path).exists()}
        # Nobody looked at these when the tests were recorded.
        is_new = any(_spans(self.plan.root / path) for path in {*self.plan.modules} - known.keys())
        self.digests = _digests_of_tests(self.plan.root, self.items)
        for test, facts in ({} if is_new else kept.get("tests", {})).items():
            is_same = facts["digest"] == self.digests.get(test)
            if is_same and not changed & facts["lines"].keys():
                self.recorded[test] = facts
        wanted = [item for test, item in self.items.items() if test not in self.recorded]
        # At least one that needs much: what stands for the whole session, such as the database and
        # the sandbox, has to stand before the first fork, or each fork would start its own.
        wanted = wanted or [max(self.items.values(), key=lambda item: len(item.fixturenames))]
        print(f"recording which lines {len(wanted)} tests reach", flush=True)
        spans = {str(self.plan.root / path): _spans(self.plan.root / path) for path in self.watched}
        try:
            for item, following in zip(wanted, [*wanted[1:], self.session], strict=True):
                self._record_one(item, following, spans)
        finally:
            self.plan.recording.write_text(json.dumps({"files": files, "tests": self.recorded}))

    def _record_one(self, item: pytest.Item, following: object, spans: dict) -> None:
        started = time.monotonic()
        with _reach(spans) as reached:
            passed = _run(item, following)
        if not passed:
            self.broken.append(item.nodeid)
            return
        lines: dict[str, list[str]] = {}
        for filename, line in reached:
            if place := spans[filename].get(line):
                lines.setdefault(os.path.relpath(filename, self.plan.root), []).append(place)
        self.recorded[item.nodeid] = {
            "digest": self.digests[item.nodeid],
            "seconds": time.monotonic() - started,
            "lines": lines,
        }

    def _tests_of(self, mutant: Mutant, places: dict[int, str]) -> list[str]:
        modules = {mutant.path}
        wanted = {(mutant.path, places[line]) for line in mutant.lines if line in places}
        if mutant.code is None:
            wanted = self._naming(f"limits.{mutant.function}")
            modules = self._modules_naming(mutant.path, f"limits.{mutant.function}")
        about = {tests for path in modules for tests in self.plan.tests_about(path)}
        # Who reaches which line was not looked at there.
        unseen = {tests for path in modules - self.watched for tests in self.plan.tests_about(path)}
        found = [
            test
            for test, facts in self.recorded.items()
            if any(place in facts["lines"].get(path, ()) for path, place in wanted)
            or test.split("::")[0] in unseen
        ]
        found.sort(key=lambda test: self.recorded[test]["seconds"])
        own = [test for test in found if test.split("::")[0] in about]
        others = [test for test in found if test not in own][: self.plan.others_most]
        # What has killed in this function kills there again.
        return sorted([*own, *others], key=lambda one: -self.kills[mutant.function, one])

    def _naming(self, text: str) -> set[tuple[str, str]]:
        """The places of all modules whose line holds this."""
        return {
            (path, place)
            for path in self.watched
            for line, place in _spans(self.plan.root / path).items()
            if re.search(rf"\b{text}\b", linecache.getline(str(self.plan.root / path), line))
        }

    def _modules_naming(self, limits: str, text: str) -> set[str]:
        """The modules beside and below the limits that hold this."""
        return {
            os.path.relpath(file, self.plan.root)
            for file in (self.plan.root / limits).parent.rglob("*.py")
            if re.search(rf"\b{text}\b", file.read_text())
        }

    # --- mutants

    def _play_module(self, path: str) -> None:
        file = self.plan.root / path
        places = _spans(file)
        if file.name == "limits.py":
            found = constants(path, file.read_text())
        else:
            found = mutants(
                path,
                file.read_text(),
                filename=str(file),
                skip_calls=self.plan.skip_calls,
                skip_keywords=self.plan.skip_keywords,
            )
        texts = {name: ast.unparse(node) for name, node in functions(ast.parse(file.read_text()))}
        for mutant in found:
            if self.plan.only in mutant.name:
                text = _digest(texts.get(mutant.function, mutant.before))
                outcome, killer = self._play(mutant, text, places)
                self.outcomes.append((mutant, outcome, killer))
                if outcome in (SURVIVED, UNREACHED):
                    print(f"{outcome.upper()} line {mutant.lines.start}: {mutant.name}", flush=True)

    def _play(self, mutant: Mutant, text: str, places: dict[int, str]) -> tuple[str, str]:
        if killer := self._known_killer(mutant, text):
            self.known += 1
            self.kills[mutant.function, killer] += 1
            return KILLED, killer
        if mutant.name in self.plan.explained and not self.plan.fresh:
            return SURVIVED, ""
        tests = self._tests_of(mutant, places)
        if not tests:
            return UNREACHED, ""
        outcome, killer = self._fork(tests, mutant)
        is_new = outcome == KILLED and killer not in self.killers
        # A test that fails in a fork of the unchanged code kills nobody.
        if is_new and self._fork([killer], None)[0] != SURVIVED:
            raise pytest.UsageError(f"{killer} fails in a fork without any mutant")
        if outcome == KILLED:
            self.killers.add(killer)
            self.kills[mutant.function, killer] += 1
            fact = {"mutant": mutant.name, "text": text, "killer": killer}
            with self.plan.killed.open("a") as known:
                known.write(json.dumps(fact | {"digest": self.digests[killer]}) + "\n")
        return outcome, killer

    def _known_killer(self, mutant: Mutant, text: str) -> str:
        """The test that killed it in a run before, if neither text has changed since."""
        fact = self.killed_before.get(mutant.name, {"text": ""})
        is_same = fact["text"] == text and fact["digest"] == self.digests.get(fact["killer"])
        return fact["killer"] if is_same else ""

    def _fork(self, tests: list[str], mutant: Mutant | None) -> tuple[str, str]:
        _let_go_of_connections()
        usual = sum(self.recorded[test]["seconds"] for test in tests)
        limit = min(self.plan.seconds_most, 10 + 4 * usual)
        reading, writing = os.pipe()
        sys.stdout.flush()
        child = os.fork()
        if not child:
            # Whose default is to end the process, whatever it is doing.
            signal.setitimer(signal.ITIMER_REAL, limit)
            self._be_the_mutant(tests, mutant, writing)
        os.close(writing)
        os.waitpid(child, 0)
        with os.fdopen(reading) as answers:
            answer = answers.read()
        if not answer:
            self._clean_up()
            return TIMED_OUT, ""
        if answer == NOT_PLAYED:
            raise pytest.UsageError(f"{mutant.name} cannot take the function's place")
        return (SURVIVED, "") if answer == "all passed" else (KILLED, answer)

    def _be_the_mutant(self, tests: list[str], mutant: Mutant | None, writing: int) -> None:
        """In the child, which never returns."""
        answer = NOT_PLAYED
        gc.disable()
        try:
            quiet = os.open(os.devnull, os.O_WRONLY)
            os.dup2(quiet, 1)
            os.dup2(quiet, 2)
            if mutant:
                self._put_in(mutant)
            answer = "all passed"
            items = [self.items[test] for test in tests]
            for item, following in zip(items, [*items[1:], self.session], strict=True):
                if not _run(item, following):
                    answer = item.nodeid
                    break
        except BaseException:
            # What a mutant raises past its test, such as SystemExit, is noticed, too.
            answer = answer if answer == NOT_PLAYED else tests[0]
        try:
            os.write(writing, answer.encode())
        finally:
            os._exit(0)

    def _put_in(self, mutant: Mutant) -> None:
        if mutant.code is None:
            module = sys.modules[mutant.path.removesuffix(".py").replace("/", ".")]
            value = getattr(module, mutant.function)
            setattr(module, mutant.function, stepped(value, mutant.step))
            return
        new = next(code for code in _codes(mutant.code) if code.co_qualname == mutant.function)
        for function in self.functions[new.co_filename, new.co_qualname]:
            function.__code__ = new

    def _clean_up(self) -> None:
        """A test that was killed may have left rows behind, if it committed."""
        if not settings.configured:
            return
        from django.core.management import call_command
        from pytest_django.plugin import blocking_manager_key

        with self.session.config.stash[blocking_manager_key].unblock():
            call_command("flush", verbosity=0, interactive=False, inhibit_post_migrate=True)


@contextmanager
def _reach(filenames: Container[str]) -> Iterator[set[tuple[str, int]]]:
    """The (file, line) pairs that run while this is entered, in every thread."""
    lines = set()

    def called(frame: FrameType, event: str, argument: object) -> Callable | None:
        return stepped if frame.f_code.co_filename in filenames else None

    def stepped(frame: FrameType, event: str, argument: object) -> Callable:
        lines.add((frame.f_code.co_filename, frame.f_lineno))
        return stepped

    threading.settrace(called)
    sys.settrace(called)
    try:
        yield lines
    finally:
        sys.settrace(None)
        threading.settrace(None)


def _loaded_functions() -> dict[tuple[str, str], list[FunctionType]]:
    """Every function by its file and name, wherever decorators and imports have taken it."""
    # What is frozen is not listed.
    gc.unfreeze()
    found = defaultdict(list)
    for function in gc.get_objects():
        if type(function) is FunctionType:  # A lazy object would be woken by isinstance.
            code = function.__code__
            found[code.co_filename, code.co_qualname].append(function)
    return dict(found)


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _run(item: pytest.Item, following: object) -> bool:
    return not any(report.failed for report in runtestprotocol(item, log=False, nextitem=following))


def _let_go_of_connections() -> None:
    """Parent and child would speak into one socket."""
    if not settings.configured:
        return
    import stripe
    from django.db import connections

    from wallets.stripe import gateway

    connections.close_all()
    gateway._client.cache_clear()
    stripe.default_http_client = None


def _spans(file: Path) -> dict[int, str]:
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
        found[test] = _digest("\n".join(_used(texts[path], name.partition("[")[0])))
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


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _load(file: Path) -> dict:
    return json.loads(file.read_text()) if file.exists() else {}
