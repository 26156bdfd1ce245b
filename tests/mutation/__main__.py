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


def main() -> int:
    config = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mutants"]
    parser = argparse.ArgumentParser(prog="tests.mutation")
    parser.add_argument("modules", nargs="*", default=config["modules"])
    parser.add_argument("--fresh", action="store_true")
    parser.add_argument("--only", default="", help="mutants whose name contains this")
    asked = parser.parse_args()
    plan = Plan(
        **config | {"modules": asked.modules}, root=ROOT, only=asked.only, fresh=asked.fresh
    )
    # A failing example is enough: nobody reads how small it could be.
    phases = [hypothesis.Phase.explicit, hypothesis.Phase.generate]
    hypothesis.settings.register_profile(
        "mutants", phases=phases, derandomize=True, database=None, deadline=None
    )
    hypothesis.settings.load_profile("mutants")
    driver = Driver(plan)
    started = time.monotonic()
    # The alarm of each fork is the driver's.
    without = ["-p", "no:cacheprovider", "-o", "timeout=0"]
    options = ["-q", "--no-header", *without, "-m", config["marks"]]
    about = [
        test for path in [*config["modules"], *asked.modules] for test in plan.tests_about(path)
    ]
    tests = dict.fromkeys(test for test in [*about, *config["tests"]] if Path(test).exists())
    code = pytest.main([*options, *tests], plugins=[driver])
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED) or driver.reach.broken:
        print("These tests fail without any mutant:", *driver.reach.broken, sep="\n  ")
        return 2
    return _report(driver, time.monotonic() - started)


def _report(driver: Driver, seconds: float) -> int:
    plan, wrong = driver.plan, 0
    print(f"\n{'module':32} mutants  killed survivors unexplained")
    for path in plan.modules:
        outcomes = [
            (mutant, outcome) for mutant, outcome, _ in driver.outcomes if mutant.path == path
        ]
        counts = Counter(outcome for _, outcome in outcomes)
        left = [mutant for mutant, outcome in outcomes if outcome in (SURVIVED, UNREACHED)]
        open_ = [mutant for mutant in left if mutant.name not in plan.explained]
        ours = {
            name for name in plan.explained if name.startswith(f"{path} ") and plan.only in name
        }
        gone = ours - {mutant.name for mutant, _ in outcomes}
        wrong += len(open_) + len(gone)
        killed = len(outcomes) - len(left)
        print(f"{path:32} {len(outcomes):7} {killed:7} {len(left):9} {len(open_):11}", end="")
        print(f"  ({counts['timed out']} by the time limit)" if counts["timed out"] else "")
        for mutant in open_:
            print(f"  UNEXPLAINED line {mutant.lines.start}: {mutant.name}")
        for name in sorted(gone):
            print(f"  EXPLAINED, but not there: {name}")
    print(f"{seconds:.0f} s; {driver.known} were killed in a run before")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
