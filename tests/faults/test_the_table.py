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
