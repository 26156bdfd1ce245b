"""Plays every mutant against the tests that reach it: each in a fork of one loaded pytest.

Django, the database and the Stripe sandbox are made once. A fork puts the mutant's code into the
function, runs the tests that reached its lines, quickest first, and ends at the first failure.
"""

import ast
import gc
import json
import linecache
import os
import re
import signal
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FunctionType

import pytest
from django.conf import settings

from tests.mutation.operators import Mutant, constants, functions, mutants, stepped
from tests.mutation.reach import Reach, digest, run, spans

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
    # Tests about a module, or about all of a folder, beside those its path leads to: all of them
    # that reach a mutant are played. A path that ends in / is a folder.
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
        """The files and folders whose tests are all played if they reach a mutant of it.

        A room's are in the folder that mirrors it, however they are cut into files.
        """
        *folders, name = Path(path).parts
        app, room = folders[:1], folders[1:]
        mirrored = "/".join([*app, "tests", *room, "" if room else f"test_{name}"])
        more = [tests for about, tests in self.own_tests.items() if path.startswith(about)]
        return [mirrored, *sum(more, [])]


class Driver:
    """A pytest plugin whose loop, instead of running tests, runs mutants."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.outcomes: list[tuple[Mutant, str, str]] = []
        self.reach = Reach(root=plan.root, kept=plan.recording, modules=plan.modules)
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
        self.reach.record(session)
        if not self.reach.broken:
            self.functions = _loaded_functions()
            gc.freeze()
            for path in self.plan.modules:
                self._play_module(path)
        session._setupstate.teardown_exact(None)
        return True

    def _tests_of(self, mutant: Mutant, places: dict[int, str]) -> list[str]:
        modules = {mutant.path}
        wanted = {(mutant.path, places[line]) for line in mutant.lines if line in places}
        if mutant.code is None:
            wanted = self._naming(f"limits.{mutant.function}")
            modules = self._modules_naming(mutant.path, f"limits.{mutant.function}")
        about = self._tests_about(modules)
        # Who reaches which line was not looked at there.
        unseen = self._tests_about(modules - self.reach.watched)
        found = [
            test
            for test, facts in self.reach.tests.items()
            if any(place in facts["lines"].get(path, ()) for path, place in wanted)
            or test.startswith(unseen)
        ]
        found.sort(key=lambda test: self.reach.tests[test]["seconds"])
        own = [test for test in found if test.startswith(about)]
        others = [test for test in found if test not in own][: self.plan.others_most]
        # What has killed in this function kills there again.
        return sorted([*own, *others], key=lambda one: -self.kills[mutant.function, one])

    def _tests_about(self, modules: set[str]) -> tuple[str, ...]:
        return tuple(tests for path in modules for tests in self.plan.tests_about(path))

    def _naming(self, text: str) -> set[tuple[str, str]]:
        """The places of all modules whose line holds this."""
        return {
            (path, place)
            for path in self.reach.watched
            for line, place in spans(self.plan.root / path).items()
            if re.search(rf"\b{text}\b", linecache.getline(str(self.plan.root / path), line))
        }

    def _modules_naming(self, limits: str, text: str) -> set[str]:
        """The modules beside and below the limits that hold this."""
        return {
            os.path.relpath(file, self.plan.root)
            for file in (self.plan.root / limits).parent.rglob("*.py")
            if re.search(rf"\b{text}\b", file.read_text())
        }

    def _play_module(self, path: str) -> None:
        file = self.plan.root / path
        places = spans(file)
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
                text = digest(texts.get(mutant.function, mutant.before))
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
                known.write(json.dumps(fact | {"digest": self.reach.digests[killer]}) + "\n")
        return outcome, killer

    def _known_killer(self, mutant: Mutant, text: str) -> str:
        """The test that killed it in a run before, if neither text has changed since."""
        fact = self.killed_before.get(mutant.name, {"text": ""})
        is_same = fact["text"] == text and fact["digest"] == self.reach.digests.get(fact["killer"])
        return fact["killer"] if is_same else ""

    def _fork(self, tests: list[str], mutant: Mutant | None) -> tuple[str, str]:
        _let_go_of_connections()
        usual = sum(self.reach.tests[test]["seconds"] for test in tests)
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
                if not run(item, following):
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


def _let_go_of_connections() -> None:
    """Parent and child would speak into one socket."""
    if not settings.configured:
        return
    from django.db import connections

    from wallets.stripe import gateway

    connections.close_all()
    gateway.client.cache_clear()
