"""The mutation run finds what no test holds: a planted gap, seen through decorators and imports."""

import ast
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.mutation.operators import functions, mutants

pytestmark = pytest.mark.journey

ROOT = Path(__file__).resolve().parents[2]

CONFIG = """
[tool.pytest.ini_options]
pythonpath = ["."]
addopts = "--import-mode=importlib"
[tool.mutants]
modules = ["price.py"]
tests = ["tests"]
marks = ""
skip_calls = ["logger."]
skip_keywords = ["text"]
seconds_most = 20
others_most = 15
own_tests = {}
"""
PRICE = '''
from contextlib import contextmanager

@contextmanager
def doubled(seconds):
    """Twice as many."""
    if seconds < 0:
        raise ValueError(seconds)
    yield seconds * 2

def never_called(seconds):
    return seconds + 1
'''
TESTS = """
import pytest
from price import doubled

@pytest.mark.parametrize("seconds", [0, 3])
def test_three_seconds_are_six(seconds):
    with doubled(seconds) as twice:
        assert twice == 2 * seconds
"""

# As ours does: what is frozen has to be found all the same.
CONFTEST = """
import gc

def pytest_collection_finish(session):
    gc.freeze()
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "tests").mkdir()
    (tmp_path / "docs").mkdir()
    (tmp_path / "pyproject.toml").write_text(CONFIG)
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "price.py").write_text(PRICE)
    (tmp_path / "tests" / "test_price.py").write_text(TESTS)
    return tmp_path


def played(project: Path, *modules: str) -> subprocess.CompletedProcess:
    environment = {name: value for name, value in os.environ.items() if "PYTEST" not in name}
    environment.pop("DJANGO_SETTINGS_MODULE", None)
    # Loading them takes longer than the run.
    environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    return subprocess.run(
        [sys.executable, "-m", "tests.mutation", *modules],
        cwd=project,
        env=environment | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_only_what_no_test_holds_survives(project):
    run = played(project)
    assert run.returncode == 1, run.stdout + run.stderr
    survivors = {line for line in run.stdout.splitlines() if line[:9] in ("SURVIVED ", "UNREACHED")}
    assert survivors == {
        "UNREACHED line 8: price.py doubled: raise ValueError(seconds) → pass",
        "UNREACHED line 12: price.py never_called: return seconds + 1 → pass",
        "UNREACHED line 12: price.py never_called: seconds + 1 → seconds - 1",
        "UNREACHED line 12: price.py never_called: seconds + 1 → seconds + 2",
    }


def test_a_survivor_explained_in_the_document_is_no_failure(project):
    run = played(project)
    names = [line.split(": ", 1)[1] for line in run.stdout.splitlines() if " line " in line[:15]]
    file = project / "docs" / "mutation.md"
    # Wrapped where it is long.
    file.write_text(
        "\n".join(f"- `{name.replace(' → ', chr(10) + '  → ')}`: why" for name in names)
    )
    assert played(project).returncode == 0
    with file.open("a") as more:
        more.write("\n- `price.py doubled: gone → for good`: why")
    run = played(project)
    assert run.returncode == 1
    assert "EXPLAINED, but not there: price.py doubled: gone → for good" in run.stdout


def test_a_module_played_for_the_first_time_is_reached_by_tests_recorded_before(project):
    played(project)
    (project / "tax.py").write_text("def taxed(cents):\n    return cents + 1\n")
    tests = "from tax import taxed\n\ndef test_it():\n    assert taxed(1) == 2\n"
    (project / "tests" / "test_tax.py").write_text(tests)
    assert "UNREACHED" in played(project, "price.py").stdout
    assert "UNREACHED" not in played(project, "tax.py").stdout


def test_the_tests_of_a_module_are_found_in_the_folder_that_mirrors_its_own(project):
    for folder in ("shop/till", "shop/tests/till", "far"):
        (project / folder).mkdir(parents=True)
    config = CONFIG.replace("own_tests = {}", 'own_tests = {"shop/till/" = ["far/test_tax.py"]}')
    (project / "pyproject.toml").write_text(config)
    for module in ("price", "tax"):
        source = "def added(cents):\n    return cents + 1\n"
        (project / f"shop/till/{module}.py").write_text(source)
    tests = "from shop.till.price import added\n\ndef test_it():\n    assert added(1) == 2\n"
    (project / "shop/tests/till/test_adding.py").write_text(tests)
    (project / "far/test_tax.py").write_text(tests.replace("price", "tax"))
    run = played(project, "shop/till/price.py", "shop/till/tax.py")
    assert run.returncode == 0, run.stdout + run.stderr


def test_a_limit_is_held_by_the_tests_of_whatever_names_it(project):
    (project / "limits.py").write_text("MOST = 5\n")
    (project / "shop.py").write_text(
        "import limits\n\ndef fits(number):\n    return number <= limits.MOST\n"
    )
    file = project / "tests" / "test_shop.py"
    file.write_text("from shop import fits\n\ndef test_it():\n    assert fits(5)\n")
    assert (
        "SURVIVED line 1: limits.py MOST: 5 → one step more" in played(project, "limits.py").stdout
    )
    with file.open("a") as more:
        more.write("    assert not fits(6)\n")
    assert played(project, "limits.py").returncode == 0


def test_a_mutant_that_never_ends_counts_as_killed(project):
    config = CONFIG.replace("seconds_most = 20", "seconds_most = 2").replace("price.py", "wait.py")
    (project / "pyproject.toml").write_text(config)
    (project / "wait.py").write_text("def wait(number):\n    while number > 9:\n        pass\n")
    tests = "from wait import wait\n\ndef test_it():\n    wait(9)\n"
    (project / "tests" / "test_wait.py").write_text(tests)
    report = played(project).stdout.splitlines()
    assert (
        "  (1 by the time limit)" in next(line for line in report if line[:8] == "wait.py ")[-30:]
    )


def test_only_tests_that_a_change_is_about_are_recorded_again(project):
    file = project / "tests" / "test_price.py"
    added = "\n@pytest.fixture\ndef one():\n    return 3\n\ndef test_it(one):\n    assert one\n"
    file.write_text(TESTS + added)
    assert "lines 3 tests reach" in played(project).stdout
    file.write_text(TESTS + added.replace("return 3", "return 4"))
    assert "lines 1 tests reach" in played(project).stdout
    (project / "price.py").write_text(PRICE.replace("2", "3 - 1"))
    assert "lines 2 tests reach" in played(project).stdout


def test_what_was_killed_is_played_again_when_its_function_or_its_killer_changed(project):
    def known():
        return played(project).stdout.rpartition("; ")[2].strip()

    known()
    killed = known()
    assert killed != "0 were killed in a run before"
    (project / "price.py").write_text(PRICE.replace("seconds + 1", "seconds - 1"))
    assert known() == killed
    (project / "price.py").write_text(PRICE.replace("seconds * 2", "2 * seconds"))
    assert known() == "0 were killed in a run before"
    assert known() == killed
    file = project / "tests" / "test_price.py"
    file.write_text(TESTS.replace("twice ==", "twice + 0 =="))
    assert known() == "0 were killed in a run before"


def test_a_test_that_fails_without_a_mutant_ends_the_run(project):
    (project / "tests" / "test_price.py").write_text("def test_it():\n    assert False\n")
    run = played(project)
    assert run.returncode == 2
    assert "tests/test_price.py::test_it" in run.stdout


def changes(source: str) -> list[str]:
    found = mutants(
        "a.py",
        f"def f():\n    {source}\n",
        filename="a.py",
        skip_calls=["logger."],
        skip_keywords=["text"],
    )
    return [f"{mutant.before} → {mutant.after}" for mutant in found]


@pytest.mark.parametrize(
    ("source", "change"),
    [
        ("a = b < c", "b < c → b <= c"),
        ("a = b and c", "b and c → b or c"),
        ("a = not b", "a = not b → a = b"),
        ("a = b if c else d", "c → not c"),
        ("a += 1", "a += 1 → pass"),
        ("a.b = c", "a.b = c → pass"),
        ("notify(a)", "notify(a) → pass"),
        ("a = min(b, c)", "min(b, c) → max(b, c)"),
        ("a = f(b=c)", "b=c → left out of f()"),
        ("a = q.filter(at__lt=b)", "q.filter(at__lt=b) → q.filter(at__lte=b)"),
        ("a = [b for b in c if d]", "[b for b in c if d] → [b for b in c]"),
        ("a = q(x, ROUND_HALF_UP)", "q(x, ROUND_HALF_UP) → q(x, 'ROUND_DOWN')"),
    ],
)
def test_a_careless_edit_is_among_the_mutants(source, change):
    assert change in changes(source)


@pytest.mark.parametrize(
    "source",
    ["logger.info('paid', 1)", "'''Says what it does.'''", "a = f('What it says.')"],
)
def test_logs_and_prose_are_left_alone(source):
    assert changes(source) == []


def test_what_is_played_and_what_is_explained_follow_a_move():
    config = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mutants"]
    own_tests = config["own_tests"]
    named = [*config["modules"], *config["tests"], *own_tests, *sum(own_tests.values(), [])]
    assert [path for path in named if not (ROOT / path).exists()] == []

    in_modules = {
        (path, function)
        for path in config["modules"]
        for function, _ in functions(ast.parse((ROOT / path).read_text()))
    }
    survivors = re.findall(r"^- `(\S+)\s(\S+):\s", (ROOT / "docs/mutation.md").read_text(), re.M)
    assert survivors
    assert set(survivors) - in_modules == set()
