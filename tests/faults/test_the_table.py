"""docs/faults.md names a test for every fault: each one must exist."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_every_test_that_the_table_names_exists():
    table = (ROOT / "docs" / "faults.md").read_text()
    named = set(re.findall(r"`(test_\w+)`", table))
    there = {
        name
        for app in ("accounts", "wallets", "campaigns", "thinkrr_billing", "tests")
        for path in (ROOT / app).rglob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", path.read_text(), re.MULTILINE)
    }
    assert sorted(named - there) == []


def test_the_runbook_names_every_alarm_and_every_rule():
    runbook = (ROOT / "docs" / "runbook.md").read_text()
    code = [
        path.read_text()
        for app in ("accounts", "wallets", "campaigns", "thinkrr_billing")
        for path in (ROOT / app).rglob("*.py")
        if "tests" not in path.parts
    ]
    kinds = {
        kind
        for text in code
        for kind in re.findall(r'alert_staff\(\s*kind="(\w+)"|\balert\(\s*"(\w+)", f?"', text)
        for kind in kind
        if kind
    }
    rules = {rule for text in code for rule in re.findall(r'@rule\("(I\d+)"', text)}
    named = set(re.findall(r"^(?:### `|- \*\*)(\w+)", runbook, re.MULTILINE))
    assert {"books", "purchase_quarantined"} <= kinds
    assert "I1" in rules
    assert sorted((kinds | rules | {"I13"}) - named) == []
