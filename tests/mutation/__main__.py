"""`python -m tests.mutation [module ...] [--fresh] [--only TEXT]`: 1 with an unexplained survivor.

Without a module all of pyproject's. A run that was stopped goes on where it was; `--fresh` forgets
which test reaches which line and which killed what, and plays the explained ones, too.
"""

import argparse
import sys
import time
import tomllib
from collections import Counter
from pathlib import Path

import hypothesis
import pytest

from tests.mutation.driver import SURVIVED, UNREACHED, Driver, Plan

ROOT = Path.cwd()
EXPLAINED = ROOT / "docs" / "mutation.md"


def main() -> int:
    config = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mutants"]
    parser = argparse.ArgumentParser(prog="tests.mutation")
    parser.add_argument("modules", nargs="*", default=config["modules"])
    parser.add_argument("--fresh", action="store_true")
    parser.add_argument("--only", default="", help="mutants whose name contains this")
    asked = parser.parse_args()
    plan = Plan(
        root=ROOT,
        modules=asked.modules,
        recording=ROOT / ".data" / "mutation" / "reach.json",
        skip_calls=config["skip_calls"],
        skip_keywords=config["skip_keywords"],
        own_tests=config["own_tests"],
        others_most=config["others_most"],
        seconds_most=config["seconds_most"],
        only=asked.only,
        explained="" if asked.fresh or not EXPLAINED.exists() else EXPLAINED.read_text(),
    )
    if asked.fresh:
        plan.recording.unlink(missing_ok=True)
        plan.killed.unlink(missing_ok=True)
    # A failing example is enough: nobody reads how small it could be.
    phases = [hypothesis.Phase.explicit, hypothesis.Phase.generate]
    hypothesis.settings.register_profile(
        "mutants", phases=phases, derandomize=True, database=None, deadline=None
    )
    hypothesis.settings.load_profile("mutants")
    driver = Driver(plan)
    started = time.monotonic()
    options = ["-q", "--no-header", "-p", "no:cacheprovider", "-m", config["marks"]]
    about = [
        test for path in [*config["modules"], *asked.modules] for test in plan.tests_about(path)
    ]
    tests = dict.fromkeys(test for test in [*about, *config["tests"]] if Path(test).exists())
    code = pytest.main([*options, *tests], plugins=[driver])
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED) or driver.broken:
        print("These tests fail without any mutant:", *driver.broken, sep="\n  ")
        return 2
    return _report(driver, time.monotonic() - started)


def _report(driver: Driver, seconds: float) -> int:
    explained = EXPLAINED.read_text() if EXPLAINED.exists() else ""
    unexplained = 0
    print(f"\n{'module':32} mutants  killed survivors unexplained")
    for path in driver.plan.modules:
        outcomes = [
            (mutant, outcome) for mutant, outcome, _ in driver.outcomes if mutant.path == path
        ]
        counts = Counter(outcome for _, outcome in outcomes)
        left = [mutant for mutant, outcome in outcomes if outcome in (SURVIVED, UNREACHED)]
        open_ = [mutant for mutant in left if f"`{mutant.name}`" not in explained]
        unexplained += len(open_)
        killed = len(outcomes) - len(left)
        print(f"{path:32} {len(outcomes):7} {killed:7} {len(left):9} {len(open_):11}", end="")
        print(f"  ({counts['timed out']} by the time limit)" if counts["timed out"] else "")
        for mutant in open_:
            print(f"  UNEXPLAINED line {mutant.lines.start}: {mutant.name}")
    print(f"{seconds:.0f} s; {driver.known} were killed in a run before")
    return 1 if unexplained else 0


if __name__ == "__main__":
    sys.exit(main())
