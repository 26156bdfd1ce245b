"""hledger's rules for our CSV: what of it is read, and where each movement belongs."""

from collections.abc import Iterator

from wallets.exports.journal import ACCOUNTS, ALLOCATIONS, COMMODITIES, OTHERS, PAYMENTS
from wallets.exports.lines import POTS
from wallets.exports.tables import COLUMNS

_HEAD = f"""\
# hledger's rules for the CSV of thinkrr billing. Save both under one name:
#   transactions.csv  transactions.csv.rules
#   hledger -f transactions.csv balance
# Each row asserts what its balance was afterwards, so take the CSV without filters.
# Dollars have six decimals, minutes are counted in seconds.
skip 1
newest-first
date-format %Y-%m-%d
decimal-mark .
fields {", ".join(f"csv_{name}" for name in COLUMNS)}

date %csv_day
status *
code %csv_reference
description %csv_description
comment time:%csv_time, purchase:%csv_purchase, receipt:%csv_receipt
"""


def text() -> Iterator[str]:
    yield _HEAD
    for pot in POTS:
        commodity = COMMODITIES[pot]
        yield (
            f"\nif %csv_of ^{pot}$\n"
            f"    account1 {ACCOUNTS[pot]}\n"
            f"    amount1 %csv_amount {commodity}\n"
            f"    balance1 %csv_balance_after {commodity}\n"
        )
    yield f"\n# What moved minutes or credit, and by whom it was paid.\naccount2 {ALLOCATIONS}\n"
    yield f"\nif %csv_purchase .\n    account2 {PAYMENTS}\n"
    for kind, account in OTHERS.items():
        yield f"\nif %csv_kind ^{kind}$\n    account2 {account}\n"
    yield "\n# Payments that moved no balance here.\nif %csv_of ^$\n    skip\n"
