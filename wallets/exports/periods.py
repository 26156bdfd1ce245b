"""Which entries a file holds: those between two beginnings of days, in the order of entries.

Days begin where `statements.edges` says, as the months of statements do: files of periods that
follow each other hold each entry once, and one opens with what the other closed with.
"""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal

from accounts import clock
from accounts.models import Account
from accounts.runtime.of_one import of_one
from wallets import limits
from wallets.errors import InvalidAmount
from wallets.models import LedgerEntry, Pot, Wallet
from wallets.months import beginning
from wallets.statements import edges
from wallets.texts import day


@dataclass(frozen=True)
class Period:
    """Days of an account, both included, and the numbers of their entries.

    `since` is None from the first entry on. `first_id` is included, `end_id` is not.
    """

    account: Account
    wallet_id: int
    since: date | None
    until: date
    first_id: int = 0
    end_id: int = edges.NO_ENTRY

    @property
    def begins(self) -> datetime | None:
        return None if self.since is None else beginning(self.since, self.account.zone)


def period(*, account: Account, since: date | None, until: date | None) -> Period:
    """The account's entries of these days; None means from the first, and to today.

    What is posted from now on is not among them: whatever is read of them later adds up. Raises
    InvalidAmount when the days lie ahead or are the wrong way round.
    """
    wallet = Wallet.objects.filter(account=account).values_list("pk", flat=True).first()
    # Before the day is asked: none of them is of a day that begins while the file is written.
    end = _newest(wallet) + 1
    today = account.local_date(clock.now())
    check(since=since, until=until, today=today)
    found = Period(account, wallet or 0, since, until or today, end_id=end)
    if since is not None:
        found = replace(found, first_id=min(end, _first_from(found, since)))
    if until is not None and until < today:
        found = replace(found, end_id=min(end, _first_from(found, until + timedelta(days=1))))
    return found


def _newest(wallet_id: int | None) -> int:
    """The number of the wallet's newest entry; 0 where there is none yet."""
    entries = LedgerEntry.objects.filter(of_one("wallet", wallet_id))
    newest = entries.order_by("wallet_id", "-pk").values_list("pk", flat=True)
    return newest.first() or 0


def check(*, since: date | None, until: date | None, today: date) -> None:
    """Pass, or raise InvalidAmount with what is wrong beside the day it is about."""
    days = {"since": since, "until": until}
    given = {name: value for name, value in days.items() if value is not None}
    wrong = {
        name: f"{day(value)} has not come yet. Choose {day(today)} or an earlier day."
        for name, value in given.items()
        if value > today
    }
    wrong |= {
        name: f"There was nothing yet. Choose a day from {limits.EXPORT_FIRST_YEAR} on."
        for name, value in given.items()
        if value.year < limits.EXPORT_FIRST_YEAR
    }
    if not wrong and since is not None and until is not None and since > until:
        wrong["until"] = f"This is before {day(since)}. Choose that day or a later one."
    if wrong:
        text = " ".join(wrong.values())
        raise InvalidAmount(f"{text} Nothing was exported.", fields=wrong)


def opening(period: Period) -> dict[str, Decimal]:
    """What each pot held before the period's first entry: dollars, seconds. At most two queries."""
    return _held_before(period, period.first_id)


def closing(period: Period) -> dict[str, Decimal]:
    """What each pot held after its last entry: dollars, seconds. At most two queries."""
    return _held_before(period, max(period.first_id, period.end_id))


def _held_before(period: Period, entry_id: int) -> dict[str, Decimal]:
    [held] = edges.held_before([(period.wallet_id, entry_id)])
    return {str(pot): held.get(pot, Decimal(0)) for pot in Pot}


def _first_from(period: Period, first_day: date) -> int:
    """The number of the first entry that is not before this day."""
    moment = beginning(first_day, period.account.zone)
    [number] = edges.first_from([(period.wallet_id, moment)])
    return number
