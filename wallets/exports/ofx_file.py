"""The credit as a bank's statement, as QuickBooks and Xero import it: OFX 1.0.2.

Banks know cents, our ledger millionths of a dollar. Each amount is the difference of the rounded
balances around it, so what one entry loses comes with the next, and any period adds up. Entries
that move no whole cent are told by the next one that does.
"""

import unicodedata
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

from accounts import clock
from wallets import limits
from wallets.exports import periods
from wallets.exports.asking import Asked
from wallets.exports.lines import Line, lines
from wallets.models import Pot
from wallets.months import beginning

_HEAD = """\
OFXHEADER:100
DATA:OFXSGML
VERSION:102
SECURITY:NONE
ENCODING:USASCII
CHARSET:1252
COMPRESSION:NONE
OLDFILEUID:NONE
NEWFILEUID:NONE

"""
_CENT = Decimal("0.01")


def write(asked: Asked) -> Iterator[str]:
    period = asked.period
    zone = period.account.zone
    began, held = period.begins, periods.opening(period)[Pot.CREDIT]
    found = lines(period, pot=Pot.CREDIT)
    first = next(found, None)
    if began is None:
        began = first.at if first else beginning(period.until, zone)
    ends = min(beginning(period.until + timedelta(days=1), zone), clock.now())
    yield from _begun(asked, began, ends)
    for line in _from(first, found):
        moved = _cents(line.balance_after) - _cents(held)
        held = line.balance_after
        if moved:
            yield _transaction(line, moved)
    yield (
        "</BANKTRANLIST>\n"
        f"<LEDGERBAL><BALAMT>{_cents(held)}<DTASOF>{_moment(ends)}</LEDGERBAL>\n"
        "</STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>\n"
    )


def _from(first: Line | None, rest: Iterator[Line]) -> Iterator[Line]:
    if first:
        yield first
        yield from rest


def _begun(asked: Asked, began: datetime, ends: datetime) -> Iterator[str]:
    status = "<STATUS><CODE>0<SEVERITY>INFO</STATUS>"
    account = asked.period.account.pk.hex
    yield _HEAD
    yield (
        f"<OFX>\n<SIGNONMSGSRSV1><SONRS>{status}<DTSERVER>{_moment(clock.now())}"
        "<LANGUAGE>ENG</SONRS></SIGNONMSGSRSV1>\n"
        f"<BANKMSGSRSV1><STMTTRNRS><TRNUID>0{status}<STMTRS><CURDEF>USD"
        # The longest that the format lets a bank and an account be called.
        f"<BANKACCTFROM><BANKID>THINKRR<ACCTID>{account[:22]}<ACCTTYPE>CHECKING</BANKACCTFROM>\n"
        f"<BANKTRANLIST><DTSTART>{_moment(began)}<DTEND>{_moment(ends)}\n"
    )


def _transaction(line: Line, moved: Decimal) -> str:
    kind = "CREDIT" if moved > 0 else "DEBIT"
    parts = [line.description, line.note]
    if line.receipt_number:
        parts.append(f"receipt {line.receipt_number}")
    parts.append(f"exactly {line.amount:.6f} USD")
    memo = ", ".join(part for part in parts if part)
    return (
        f"<STMTTRN><TRNTYPE>{kind}<DTPOSTED>{_moment(line.at)}<TRNAMT>{moved}"
        f"<FITID>{line.reference[: limits.OFX_TEXT_MOST]}"
        f"<NAME>{_escaped(line.description, limits.OFX_NAME_MOST)}"
        f"<MEMO>{_escaped(memo, limits.OFX_TEXT_MOST)}</STMTTRN>\n"
    )


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(_CENT, ROUND_HALF_UP)


def _moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y%m%d%H%M%S}.000[0:GMT]"


def _escaped(text: str, most: int) -> str:
    """In letters every reader of the format knows, at most so many of them, on one line."""
    apart = unicodedata.normalize("NFKD", text)
    known = "".join(letter for letter in apart if not unicodedata.combining(letter))
    plain = " ".join(known.encode("ascii", "replace").decode().split())
    plain = "".join(letter for letter in plain if letter.isprintable())[:most].strip()
    return plain.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
