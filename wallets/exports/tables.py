"""The rows that CSV and XLSX share: a row an entry, a column a pot, the newest first."""

from collections.abc import Iterator
from datetime import date, time
from decimal import Decimal

from wallets.exports.asking import Asked
from wallets.exports.lines import POTS, Line, lines, payments, together
from wallets.models import Pot

# The first nine are as old as the export; others come behind, so that nobody's columns move.
COLUMNS = (
    "date",
    "description",
    "note",
    "status",
    "amount",
    "unit",
    "of",
    "balance_after",
    "reference",
    "day",
    "time",
    "kind",
    "credit",
    "premium_seconds",
    "basic_seconds",
    "included_seconds",
    "paid",
    "purchase",
    "receipt",
)

Cell = str | Decimal | int | date | time | None


def rows(asked: Asked) -> Iterator[list[Cell]]:
    """The rows under `COLUMNS`, in values: dollars and seconds, days and times of the account."""
    found = lines(asked.period, pot=asked.pot, kinds=asked.kinds, newest_first=True)
    # Whoever filters by a type or a status asks for payments as much as for entries.
    if asked.with_payments or asked.kinds is not None or asked.statuses is not None:
        found = together(found, payments(asked.period, kinds=asked.kinds))
    for line in found:
        if asked.statuses is None or line.status in asked.statuses:
            yield _row(line)


def _row(line: Line) -> list[Cell]:
    local = line.at.replace(microsecond=0)
    return [
        local.isoformat(),
        line.description,
        line.note,
        line.status.label,
        line.amount,
        "seconds" if line.pot and line.pot != Pot.CREDIT else "USD",
        line.pot,
        line.balance_after,
        line.reference,
        local.date(),
        local.time(),
        line.kind,
        *(_moved(line, pot) for pot in POTS),
        line.paid,
        str(line.purchase_id or ""),
        str(line.receipt_number or ""),
    ]


def _moved(line: Line, pot: str) -> Decimal | int:
    amount = line.amount if line.pot == pot else Decimal(0)
    return amount if pot == Pot.CREDIT else int(amount)
