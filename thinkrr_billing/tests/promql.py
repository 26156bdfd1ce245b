"""Reading expressions of Prometheus in tests: promtool itself, and the names of figures."""

import re
import subprocess

from thinkrr_billing import metrics
from thinkrr_billing.figures.requests import DURATION
from thinkrr_billing.tests.environments import FOLDER

RULES = FOLDER / "deploy/prometheus"
HISTOGRAM = DURATION.describe()[0].name
SERVED = {figure.name for figures in metrics.SOURCES.values() for figure in figures} | {
    "thinkrr_figures_unread",
    "thinkrr_stale_reads_total",
    *(f"{HISTOGRAM}_{suffix}" for suffix in ("bucket", "count", "sum")),
}
# Prometheus' own.
ITS_OWN = {"up", "ALERTS"}

_ASIDE = re.compile(
    r'"[^"]*"|\{[^}]*\}|\[[^\]]*\]|\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)'
)
_NAME = re.compile(r"(?<![\w.])[a-zA-Z_:][\w:]*(?!\w)(?!\s*\()")
_WORDS = {"and", "or", "unless", "bool", "offset", "by", "without", "on", "ignoring"}


def promtool(*arguments: object) -> None:
    told = subprocess.run(["promtool", *arguments], cwd=RULES, capture_output=True, text=True)
    assert told.returncode == 0, told.stdout + told.stderr


def names(expression: str) -> set[str]:
    """The figures that an expression asks for."""
    rest = expression
    # Labels may hold what else would be set aside.
    for _ in range(2):
        rest = _ASIDE.sub(" ", rest)
    return set(_NAME.findall(rest)) - _WORDS
