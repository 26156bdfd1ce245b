"""What a secret looks like, wherever it turns up; and a watch over everything that is logged."""

import logging
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from thinkrr_billing.redaction import WithoutTokens

PATTERNS = {
    "a Stripe key": re.compile(r"\b[sr]k_(?:live|test)_(\w{8,})"),
    "a webhook secret": re.compile(r"\bwhsec_(\w{8,})"),
    "a key of AWS": re.compile(r"\b(?:AKIA|ASIA)([A-Z0-9]{16})\b"),
    "a token of GitHub": re.compile(r"\b(?:gh[pousr]_|github_pat_)(\w{30,})"),
    "a key of Google": re.compile(r"\bAIza([\w-]{35})"),
    "a token of Slack": re.compile(r"\bxox[abeoprs]-([\w-]{10,})"),
    "a webhook of Slack": re.compile(r"/services/[A-Z0-9]+/[A-Z0-9]+/([A-Za-z0-9]{10,})"),
    "an API key": re.compile(r"\btb_[0-9a-f]{12}_([\w-]{43})"),
    "an Authorization header": re.compile(
        r"(?i)\bauthorization['\"]?\s*[:=]\s*['\"]?(?:bearer|basic) ([\w.~+/=-]{16,})"
    ),
}
_PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")
_DIGITS = re.compile(r"(?<![\w.-])\d(?:[ -]?\d){12,18}(?![\w.-])")

# What stands in the repository for everybody to see: card numbers for tests (of Stripe, and the one
# of Visa that no Stripe knows), and what the tests of these patterns plant.
PUBLISHED = "thinkrr_billing/sandbox/stripe/objects/cards.py"
VISAS = "a card number: 4111111111111111"
PLANTED = "tests/faults/test_h_secrets.py"
PLANTED_THERE = {
    "an Authorization header: abcdef…",
    "an Authorization header: YWRhOn…",
}


def in_repository(root: Path) -> list[str]:
    """One line for each secret in the files that git keeps, or would keep."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout
    texts = {
        name: (root / name).read_text(errors="replace")
        for name in sorted(filter(None, names.split("\0")))
        if (root / name).is_file()
    }
    known = {VISAS, *found_in(texts.get(PUBLISHED, ""))}
    return [
        f"{name}: {leak}"
        for name, text in texts.items()
        for leak in dict.fromkeys(found_in(text))
        if leak not in known and not (name == PLANTED and leak in PLANTED_THERE)
    ]


def found_in(text: str) -> Iterator[str]:
    """What kind of secret is there, and how it begins. Words and rows of zeros are none."""
    for what, pattern in PATTERNS.items():
        for match in pattern.findall(text):
            if re.search(r"\d", match) and re.search(r"[A-Za-z]", match):
                yield f"{what}: {match[:6]}…"
    if _PRIVATE_KEY.search(text):
        yield "a private key"
    for match in _DIGITS.findall(text):
        if _is_card_number(digits := re.sub(r"\D", "", match)):
            yield f"a card number: {digits}"


def _is_card_number(digits: str) -> bool:
    """By its first digit and Luhn's check, which one figure in ten passes by chance."""
    if digits[0] not in "23456" or len(set(digits)) < 2:
        return False
    doubled = [int(digit) * 2 for digit in digits[-2::-2]]
    total = sum(map(int, digits[-1::-2])) + sum(two - 9 * (two > 9) for two in doubled)
    return total % 10 == 0


class Watch(logging.Handler):
    """Reads every record the suite logs, tracebacks included, as our handlers write it."""

    def __init__(self) -> None:
        super().__init__()
        self.addFilter(WithoutTokens())
        self.leaks: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        text = self.format(record)
        self.leaks += [f"{record.name}: {leak}" for leak in found_in(text)]
