"""What support pastes from a mail, a PDF or a bank's list: numbers of papers, amounts and days."""

import re
import unicodedata
from collections.abc import Set
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from accounts.errors import Unusable

_DASHES = re.compile("[\u00ad\u2010-\u2015\u2212]")
# "1001", "Receipt no. 1001", "R-1001", "Credit note number CN-1001", "credit-note-CN-1001.pdf".
_PAPER = re.compile(
    r"(?P<paper>receipt|credit[- ]note|r|cn)?[-#:. ]*(?:number|no|nr)?[-#:. ]*(?P<cn>cn)?[-#:. ]*"
    r"(?P<number>\d{1,18}|\d{1,3}(?:[ ,]\d{3}){1,5})(?:\.pdf|\.)?",
    re.ASCII | re.IGNORECASE,
)
# "$50", "50.00 on 2026-11-22", "USD 1,250.00, Sun 22 Nov 2026": a bare number is a receipt's.
_AMOUNT_AND_DAY = re.compile(
    r"(?=\$|usd|\d\S* \S|\d+[.,]\d\d?$)(?:\$|usd)? ?"
    r"(?P<amount>\d{1,3}(?:,\d{3})+(?:\.\d\d?)?|\d{1,7}(?:[.,]\d\d?)?)(?: ?usd)?"
    r"(?:,? (?:on )?(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*,? )?"
    r"(?P<day>[\w./-]+(?: [\w,.]+ \d{4})?))?",
    re.ASCII | re.IGNORECASE,
)
# What can only be an amount, or a day: "24 Fitness" and "555 1234" are something else.
_MEANT = re.compile(r"^(?:\$|usd)|^[\d,]+\.\d\d? |\d[-/.]\d+[-/.]\d", re.ASCII | re.IGNORECASE)
# With slashes and dots a day may be two: both are looked for.
_DAYS = (
    "%Y-%m-%d",
    "%d %b %Y",
    "%d %B %Y",
    "%b %d %Y",
    "%B %d %Y",
    "%m/%d/%Y",
    "%d/%m/%Y",
    "%d.%m.%Y",
)
MOST_CENTS = 99_999_999


@dataclass(frozen=True)
class Paper:
    """A number as it is printed: of a receipt, of a credit note, or of either."""

    number: int
    is_receipt: bool
    is_credit_note: bool


@dataclass(frozen=True)
class Payment:
    """An amount, and the days it may be of: none when no day was written."""

    cents: int
    days: Set[date]


def plain(text: str) -> str:
    """In letters, digits, dashes and spaces as a keyboard writes them."""
    text = _DASHES.sub("-", unicodedata.normalize("NFKC", text))
    return " ".join(text.split()).strip("()[]\"'“”„")


def paper(text: str) -> Paper | None:
    """The paper a plain text names."""
    if not (asked := _PAPER.fullmatch(text)):
        return None
    named = (asked["paper"] or "").lower()
    is_note = asked["cn"] is not None or named.startswith("c")
    number = int(re.sub("[ ,]", "", asked["number"]))
    return Paper(number, is_receipt=not is_note, is_credit_note=is_note or not named)


def payment(text: str) -> Payment | None:
    """The payment a plain text names. Raises Unusable for a day that is none."""
    if not (asked := _AMOUNT_AND_DAY.fullmatch(text)):
        return None
    amount = re.sub(r",(?=\d{3})", "", asked["amount"]).replace(",", ".")
    cents = min(int(Decimal(amount) * 100), MOST_CENTS)
    if not asked["day"]:
        return Payment(cents, frozenset())
    if days := _days(asked["day"]):
        return Payment(cents, days)
    if _MEANT.search(text):
        raise Unusable(f"“{asked['day']}” is no day. Write it like 2026-11-22 or 22 Nov 2026.")
    return None


def _days(text: str) -> Set[date]:
    found = set()
    for pattern in _DAYS:
        with suppress(ValueError):
            found.add(datetime.strptime(text.replace(",", ""), pattern).date())  # noqa: DTZ007
    return found
