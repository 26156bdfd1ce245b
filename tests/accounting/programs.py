"""beancount, hledger, ledger and libofx read a file of ours, and say what they make of it."""

import csv
import io
import re
import subprocess
from collections import defaultdict
from decimal import Decimal
from pathlib import Path

from beancount import loader
from beancount.core.data import Transaction

# Account, month and commodity, and what moved.
Moves = dict[tuple[str, str, str], Decimal]

SECONDS = 60


def run(*words: object, given: str = "") -> tuple[int, str]:
    """A program's exit code, and what it said on both channels."""
    done = subprocess.run(
        list(map(str, words)),
        input=given,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def beancount_errors(path: Path) -> list[str]:
    _, errors, _ = loader.load_file(str(path))
    return [error.message for error in errors]


def beancount_moves(path: Path) -> Moves:
    entries, _, _ = loader.load_file(str(path))
    found: Moves = defaultdict(Decimal)
    for entry in entries:
        if isinstance(entry, Transaction):
            for posting in entry.postings:
                units = posting.units
                found[posting.account, f"{entry.date:%Y-%m}", units.currency] += units.number
    return without_zeros(found)


def hledger_errors(path: Path) -> list[str]:
    code, said = run("hledger", "-f", path, "check", "--strict")
    return [said] if code else []


def hledger_moves(path: Path, *more: object) -> Moves:
    words = ("balance", "-M", "-N", "--layout", "bare", "-O", "csv")
    _, said = run("hledger", "-f", path, *more, *words)
    found: Moves = {}
    for row in csv.DictReader(io.StringIO(said)):
        account, commodity = row.pop("account"), row.pop("commodity")
        found |= {(account, month, commodity): Decimal(row[month] or 0) for month in row}
    return without_zeros(found)


def ledger_errors(path: Path) -> list[str]:
    code, said = run("ledger", "--args-only", "-f", path, "--pedantic", "balance")
    return [said] if code else []


def ledger_moves(path: Path) -> Moves:
    line = "%(account)|%(format_date(date, '%Y-%m'))|%(quantity(amount))|%(commodity(amount))\n"
    _, said = run("ledger", "--args-only", "-f", path, "register", "--format", line)
    found: Moves = defaultdict(Decimal)
    for row in said.splitlines():
        account, month, amount, commodity = row.split("|")
        found[account, month, commodity] += Decimal(amount)
    return without_zeros(found)


def ofx_transactions(path: Path) -> list[dict[str, str]]:
    """What libofx, which GnuCash and others read with, finds in a file."""
    _, said = run("ofxdump", path)
    found = []
    for block in said.split("ofx_proc_transaction():")[1:]:
        facts = re.findall(r"^    ([^:\n]+): ?(.*)$", block.split("\n\n")[0], re.MULTILINE)
        found.append({name.strip(): value.strip() for name, value in facts})
    return found


def without_zeros(moves: Moves) -> Moves:
    return {key: amount for key, amount in moves.items() if amount}
