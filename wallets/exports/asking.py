"""What is asked for: a format, days, and which of the lines. Refused when it does not add up."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from django.db import models

from accounts.models import Account
from wallets.errors import InvalidAmount
from wallets.exports import periods
from wallets.exports.periods import Period
from wallets.models import Pot


class Format(models.TextChoices):
    CSV = "csv", "CSV: tables and programs"
    XLSX = "xlsx", "XLSX: Excel, LibreOffice, Numbers"
    OFX = "ofx", "OFX: QuickBooks, Xero (credit only)"
    DATEV = "datev", "Bank file for DATEV (credit only)"
    BEANCOUNT = "beancount", "Journal for beancount"
    HLEDGER = "hledger", "Journal for hledger"
    LEDGER = "ledger", "Journal for ledger"
    RULES = "rules", "hledger's rules for the CSV"


# Tables may hold a part of the lines; journals and bank files only add up whole.
TABLES = frozenset({Format.CSV, Format.XLSX})
BANK_FILES = frozenset({Format.OFX, Format.DATEV})
JOURNALS = frozenset({Format.BEANCOUNT, Format.HLEDGER, Format.LEDGER})


@dataclass(frozen=True)
class Asked:
    """A file as it was asked for. Empty and None mean all.

    `with_payments` adds what moved nothing in this wallet; `with_mark` a byte-order mark (CSV).
    """

    period: Period
    format: Format
    pot: str = ""
    kinds: Collection[str] | None = None
    statuses: Collection[str] | None = None
    with_payments: bool = False
    with_mark: bool = False


def ask(
    *,
    account: Account,
    format: Format,
    since: date | None = None,
    until: date | None = None,
    pot: str = "",
    kinds: Collection[str] | None = None,
    statuses: Collection[str] | None = None,
    with_payments: bool = False,
    with_mark: bool = False,
) -> Asked:
    """What was asked for, checked. Days are the account's, both included.

    Raises InvalidAmount with a sentence beside each field that is wrong.
    """
    _check_whole(format, pot, narrowed=kinds is not None or statuses is not None)
    period = periods.period(account=account, since=since, until=until)
    return Asked(period, format, pot, kinds, statuses, with_payments, with_mark)


def _check_whole(format: Format, pot: str, *, narrowed: bool) -> None:
    if format in TABLES or format == Format.RULES:
        return
    wrong = {}
    if format in BANK_FILES and pot not in ("", Pot.CREDIT):
        wrong["pot"] = "A bank file holds money only: choose Credit, or CSV or XLSX for minutes."
    if format in JOURNALS and pot:
        wrong["pot"] = "A journal holds all balances, each in an account of its own: choose All."
    if narrowed:
        wrong["format"] = "This format adds up only whole: take it without filters, or choose CSV."
    if wrong:
        raise InvalidAmount(f"{' '.join(wrong.values())} Nothing was exported.", fields=wrong)
