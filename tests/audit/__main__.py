"""`python -m tests.audit`: 1 when bandit finds something in what production runs, when a file of
the repository holds a secret, or when a locked package has a known vulnerability.

Advisories are asked for over the network. Where that is not to be had, the last lines say plainly
that nothing is known of them, and the audit does not fail: nobody could mend it.
"""

import sys
from datetime import date
from pathlib import Path

from tests.audit import advisories, code
from tests.secrets import in_repository

ROOT = Path.cwd()


def main() -> int:
    found = advisories.look(root=ROOT, today=date.today())  # noqa: DTZ011  A day more or less.
    problems = code.problems(root=ROOT) + in_repository(ROOT) + found.problems
    for problem in problems:
        print(problem)
    if found.unknown:
        print(f"NOT AUDITED: {found.unknown}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
