"""docs/api.md in parts: its blocks in their order, and the table of errors it has to have."""

import re
from pathlib import Path

from accounts.api.codes import CODES

GUIDE = Path(__file__).parents[2] / "docs/api.md"
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_ERRORS = re.compile(r"<!-- errors: .*? -->\n(.*)<!-- end of errors -->", re.DOTALL)


def blocks() -> list[tuple[str, str]]:
    """Each fenced block: what it is of, and its text."""
    return _BLOCK.findall(GUIDE.read_text())


def told_errors() -> str:
    return _ERRORS.search(GUIDE.read_text())[1]


def errors() -> str:
    """The table of errors, as it has to stand."""
    rows = [
        f"| `{one.name}` | {', '.join(map(str, one.statuses))} | {one.meaning} | {one.remedy} |"
        for one in CODES
    ]
    return "\n".join(
        ["| code | status | what it means | what helps |", "|---|---|---|---|", *rows, ""]
    )
