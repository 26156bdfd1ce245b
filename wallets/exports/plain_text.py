"""Journals as beancount, hledger and ledger read them.

Words of others are folded onto one line and lose what these programs take for a sign of theirs.
"""

import re
from collections.abc import Iterator
from datetime import timedelta

from wallets.exports.asking import Asked, Format
from wallets.exports.journal import (
    ACCOUNTS,
    ALL_ACCOUNTS,
    COMMODITIES,
    Balances,
    Posting,
    Transaction,
    journal,
    number,
)
from wallets.exports.lines import POTS, Line
from wallets.models import Pot

_NAMES = {
    "PREMIUMSEC": "Seconds of Premium minutes",
    "BASICSEC": "Seconds of Basic minutes",
    "INCLUDEDSEC": "Seconds of Included minutes",
}
_FACTS = ("time", "entry", "kind", "purchase", "receipt", "note")
# A remark begins with the first, the second parts a payee from a note, the others join tags.
_SIGNS = re.compile(r"[;|:,]")
_NOT_SHOWN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\s]+")


def beancount(asked: Asked) -> Iterator[str]:
    opened = False
    yield f'option "title" "{_quoted(f"thinkrr billing, {asked.period.account.name}")}"\n'
    yield 'option "operating_currency" "USD"\n'
    for step in journal(asked):
        if not opened:
            yield from _opened(step.day)
            opened = True
        if isinstance(step, Balances):
            # It asserts what was held when a day begins, and by itself lets the last digit differ.
            following = step.day + timedelta(days=1)
            for pot in POTS:
                commodity = COMMODITIES[pot]
                held = number(step.held[pot], commodity)
                yield f"{following} balance {ACCOUNTS[pot]}  {held} ~ 0 {commodity}\n"
        else:
            yield from _beancount_transaction(step)


def _opened(day: object) -> Iterator[str]:
    for commodity, name in _NAMES.items():
        yield f'\n{day} commodity {commodity}\n  name: "{name}"\n'
    yield "\n"
    for account in dict.fromkeys(ALL_ACCOUNTS):
        yield f"{day} open {account}\n"


def _beancount_transaction(step: Transaction) -> Iterator[str]:
    yield f'\n{step.day} * "{_quoted(_words(step.line))}"\n'
    if step.line:
        for name, value in _facts(step.line).items():
            yield f'  {name}: "{_quoted(value)}"\n'
    yield from _posted(step.postings, indent="  ")


def ledger_like(asked: Asked) -> Iterator[str]:
    """For hledger and ledger, which differ in how a commodity is declared."""
    yield f"; thinkrr billing, {_plain(asked.period.account.name)}\n\n"
    for pot in POTS:
        yield _declared(asked.format, pot)
    for account in dict.fromkeys(ALL_ACCOUNTS):
        yield f"account {account}\n"
    for name in _FACTS:
        yield f"tag {name}\n"
    for step in journal(asked):
        if isinstance(step, Balances):
            yield f"\n{step.day} * Balances by our books\n"
            for pot in POTS:
                commodity = COMMODITIES[pot]
                held = number(step.held[pot], commodity)
                yield f"    {ACCOUNTS[pot]}  0 {commodity} = {held} {commodity}\n"
        else:
            yield from _ledger_transaction(step)


def _declared(format: Format, pot: Pot) -> str:
    commodity = COMMODITIES[pot]
    digits = "1000.000000" if pot == Pot.CREDIT else "1000"
    if format == Format.HLEDGER:
        return f"commodity {digits if '.' in digits else digits + '.'} {commodity}\n"
    return f"commodity {commodity}\n    format {digits} {commodity}\n"


def _ledger_transaction(step: Transaction) -> Iterator[str]:
    code = f"({step.line.reference}) " if step.line else ""
    yield f"\n{step.day} * {code}{_plain(_words(step.line))}\n"
    if step.line:
        for name, value in _facts(step.line).items():
            yield f"    ; {name}: {_plain(value) if name == 'note' else value}\n"
    yield from _posted(step.postings, indent="    ")


def _posted(postings: list[Posting], *, indent: str) -> Iterator[str]:
    for one in postings:
        yield f"{indent}{one.account}  {number(one.amount, one.commodity)} {one.commodity}\n"


def _words(line: Line | None) -> str:
    return line.description if line else "Opening balances"


def _facts(line: Line) -> dict[str, str]:
    """What is known of a line beside its figures, in words of each program's own kind."""
    values = (
        f"{line.at:%H:%M:%S}",
        line.reference,
        line.kind,
        str(line.purchase_id or ""),
        str(line.receipt_number or ""),
        line.note,
    )
    return {name: value for name, value in zip(_FACTS, values, strict=True) if value}


def _plain(text: str) -> str:
    return _SIGNS.sub(" ", _one_line(text)).strip()


def _quoted(text: str) -> str:
    return _one_line(text).replace("\\", "\\\\").replace('"', '\\"')


def _one_line(text: str) -> str:
    return _NOT_SHOWN.sub(" ", text).strip()
