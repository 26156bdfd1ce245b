"""The credit in cents, as banks and what reads their files know it; our ledger has millionths.

Each amount is the difference of the rounded balances around it, so what one entry loses comes with
the next, and any period adds up. Entries that move no whole cent are told by the next one that
does.
"""

import unicodedata
from collections.abc import Iterable, Iterator
from decimal import ROUND_HALF_UP, Decimal

from wallets.exports.lines import Line

_CENT = Decimal("0.01")


def in_cents(found: Iterable[Line], *, held: Decimal) -> Iterator[tuple[Line, Decimal]]:
    """Lines of credit in their order, with what each moved; `held` is what was there before."""
    for line in found:
        moved = rounded(line.balance_after) - rounded(held)
        held = line.balance_after
        if moved:
            yield line, moved


def rounded(amount: Decimal) -> Decimal:
    """To the cent, half up, as pages show it."""
    return amount.quantize(_CENT, ROUND_HALF_UP)


def words(line: Line) -> str:
    """What happened, and what it was exactly."""
    parts = [line.description, line.note]
    if line.receipt_number:
        parts.append(f"receipt {line.receipt_number}")
    parts.append(f"exactly {line.amount:.6f} USD")
    return ", ".join(part for part in parts if part)


def plain(text: str, most: int) -> str:
    """In letters every reader knows, at most so many of them, on one line."""
    apart = unicodedata.normalize("NFKD", text)
    known = "".join(letter for letter in apart if not unicodedata.combining(letter))
    ascii = " ".join(known.encode("ascii", "replace").decode().split())
    return "".join(letter for letter in ascii if letter.isprintable())[:most].strip()
