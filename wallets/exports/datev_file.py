"""The credit as DATEV's accounting programs take a bank's statement from a file: their
"ASCII-Weiterverarbeitungsdatei" (DATEV's document 9226961). No heads; a line an entry; by day."""

import csv
import textwrap
from collections.abc import Iterator
from decimal import Decimal
from io import StringIO

from wallets import limits
from wallets.exports import periods
from wallets.exports.asking import Asked
from wallets.exports.cents import in_cents, plain, words
from wallets.exports.lines import Line, lines
from wallets.models import Pot

# Whoever loads it makes a bank of this number, with the account's.
BANK = "00000000"
# The lines of a payment's purpose that stand side by side, before its code and currency.
PURPOSES = 3


def write(asked: Asked) -> Iterator[str]:
    period = asked.period
    account = f"{period.account.pk.int % 10**10:010}"
    held = periods.opening(period)[Pot.CREDIT]
    for line, moved in in_cents(lines(period, pot=Pot.CREDIT), held=held):
        yield _row(account, line, moved)


def _row(account: str, line: Line, moved: Decimal) -> str:
    day = f"{line.at:%d.%m.%Y}"
    most = limits.DATEV_TEXT_MOST
    text = plain(f"{line.reference} {words(line)}", most * PURPOSES)
    purposes = [*textwrap.wrap(text, most), "", "", ""][:PURPOSES]
    payer = plain(line.description, most)
    row = StringIO()
    writer = csv.writer(row, delimiter=";", quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    amount = f"{moved}".replace(".", ",")
    writer.writerow(
        [BANK, account, "", day, day, day, amount, payer, "", "", "", *purposes, "", "", "USD"]
    )
    return row.getvalue()
