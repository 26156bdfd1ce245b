"""Inside an app, the middle never imports a door. (Between the apps: import-linter.)"""

import ast
from pathlib import Path

import pytest

from thinkrr_billing.tests.environments import FOLDER

APPS = ("accounts", "wallets", "campaigns")
DOORS = {
    "admin",
    "api",
    "api_urls",
    "forms",
    "management",
    "tasks",
    "urls",
    "views",
}
# Neither middle nor door: what Django starts, and what proves the rest.
APART = {"apps", "tests", "migrations"}


def door_of(module: str) -> str | None:
    """The door a dotted name of ours leads into, if any."""
    app, _, rest = module.partition(".")
    name = rest.partition(".")[0]
    is_door = name in DOORS or name.startswith("api_") or name.endswith("_views")
    return name if app in APPS and is_door else None


def imported(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def middle_modules():
    for app in APPS:
        for path in sorted((FOLDER / app).rglob("*.py")):
            name = path.relative_to(FOLDER / app).with_suffix("").parts[0]
            if name not in APART and not door_of(f"{app}.{name}"):
                yield path


@pytest.mark.parametrize("path", list(middle_modules()), ids=lambda path: str(path.name))
def test_the_middle_never_imports_a_door(path):
    doors = {module for module in imported(path) if door_of(module)}

    assert doors == set()
