"""The credit as a bank's statement, as QuickBooks and Xero import it: OFX 1.0.2."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import chain, islice

from accounts import clock
from wallets import limits
from wallets.exports import periods
from wallets.exports.asking import Asked
from wallets.exports.cents import in_cents, plain, rounded, words
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


def write(asked: Asked) -> Iterator[str]:
    period = asked.period
    zone = period.account.zone
    began, held = period.begins, periods.opening(period)[Pot.CREDIT]
    found = lines(period, pot=Pot.CREDIT)
    first = list(islice(found, 1))
    if began is None:
        began = first[0].at if first else beginning(period.until, zone)
    ends = min(beginning(period.until + timedelta(days=1), zone), clock.now())
    yield from _begun(asked, began, ends)
    closed = rounded(held)
    for line, moved in in_cents(chain(first, found), held=held):
        closed += moved
        yield _transaction(line, moved)
    yield (
        "</BANKTRANLIST>\n"
        f"<LEDGERBAL><BALAMT>{closed}<DTASOF>{_moment(ends)}</LEDGERBAL>\n"
        "</STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>\n"
    )


def _begun(asked: Asked, began: datetime, ends: datetime) -> Iterator[str]:
    status = "<STATUS><CODE>0<SEVERITY>INFO</STATUS>"
    account = asked.period.account.pk.hex
    yield _HEAD
    yield (
        f"<OFX>\n<SIGNONMSGSRSV1><SONRS>{status}<DTSERVER>{_moment(clock.now())}"
        "<LANGUAGE>ENG</SONRS></SIGNONMSGSRSV1>\n"
        f"<BANKMSGSRSV1><STMTTRNRS><TRNUID>0{status}<STMTRS><CURDEF>USD"
        # The longest that the format lets an account be called.
        f"<BANKACCTFROM><BANKID>THINKRR<ACCTID>{account[:22]}<ACCTTYPE>CHECKING</BANKACCTFROM>\n"
        f"<BANKTRANLIST><DTSTART>{_moment(began)}<DTEND>{_moment(ends)}\n"
    )


def _transaction(line: Line, moved: Decimal) -> str:
    kind = "CREDIT" if moved > 0 else "DEBIT"
    return (
        f"<STMTTRN><TRNTYPE>{kind}<DTPOSTED>{_moment(line.at)}<TRNAMT>{moved}"
        f"<FITID>{line.reference[: limits.OFX_TEXT_MOST]}"
        f"<NAME>{_escaped(line.description, limits.OFX_NAME_MOST)}"
        f"<MEMO>{_escaped(words(line), limits.OFX_TEXT_MOST)}</STMTTRN>\n"
    )


def _moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y%m%d%H%M%S}.000[0:GMT]"


def _escaped(text: str, most: int) -> str:
    short = plain(text, most)
    return short.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
