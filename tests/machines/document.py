"""What docs/deploy.md tells a stranger to type, and on which machine."""

import re
from pathlib import Path
from textwrap import dedent

ROOT = Path(__file__).resolve().parents[2]
DEPLOY, UPGRADE, BACKUP = (
    ROOT / "docs" / name for name in ("deploy.md", "upgrade.md", "backup.md")
)
FENCE = re.compile(r"^( *)```(?:sql)?\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)


def section(text: str, title: str) -> str:
    """From this heading to the next one of any level. ValueError where there is none."""
    found = re.search(
        rf"^##+ {re.escape(title)}\n(.*?)(?=^##+ |\Z)", text, re.MULTILINE | re.DOTALL
    )
    if not found:
        raise ValueError(f"there is no section {title!r}")
    return found[1]


def commands(text: str, title: str) -> dict[str, list[str]]:
    """The blocks of a section, by the bold words that their paragraph begins with; "" before."""
    pieces = re.split(r"^\*\*([^*]+)\.\*\*", section(text, title), flags=re.MULTILINE)
    named = {"": pieces[0], **dict(zip(pieces[1::2], pieces[2::2], strict=True))}
    blocks = {
        name: [dedent(block) for _, block in FENCE.findall(piece)] for name, piece in named.items()
    }
    return {name: found for name, found in blocks.items() if found}
