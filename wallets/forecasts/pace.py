"""The pace of an account: what its calls used on an average day of the last `limits.PACE_DAYS`.

The ledger says exactly what each pot lost; calls, which wallets does not know, say for which kind
of campaign, and whether it still runs: what has stopped uses nothing tomorrow. Whoever keeps them
tells by `told_by`.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from math import ceil
from statistics import fmean, stdev
from uuid import UUID

from django.db import connection

from accounts import clock
from wallets import limits
from wallets.models import Pot, Wallet
from wallets.prices.amounts import SECONDS_PER_MINUTE
from wallets.prices.payable import CREDIT_RATE, USABLE_POTS

_ZERO = Decimal(0)

# By pot and whole days back from now, of one wallet after the other by its index: joined, a year
# would be read.
USED = """
SELECT asked.id, used.*, (
    SELECT created_at FROM wallets_ledgerentry
    WHERE wallet_id = ANY (ARRAY[asked.id]) AND kind = 'calls' AND created_at < %(since)s
    ORDER BY wallet_id, created_at LIMIT 1) IS NOT NULL
FROM unnest(%(wallets)s::bigint[]) AS asked (id)
CROSS JOIN LATERAL (
    SELECT pot,
      greatest(ceil(date_part('epoch', %(now)s - created_at) / 86400)::int - 1, 0) AS back,
      -sum(amount), min(created_at)
    FROM wallets_ledgerentry
    WHERE wallet_id = asked.id AND kind = 'calls' AND created_at >= %(since)s
    GROUP BY pot, back OFFSET 0) AS used
"""


@dataclass(frozen=True)
class Pace:
    """What a day uses: seconds of each kind of campaign, and dollars that credit pays at once."""

    premium: Decimal = _ZERO
    basic: Decimal = _ZERO
    premium_then_basic: Decimal = _ZERO
    credit: Decimal = _ZERO

    @property
    def is_nothing(self) -> bool:
        return not (self.premium or self.basic or self.premium_then_basic or self.credit)


@dataclass(frozen=True)
class Measured:
    """A pace, and the dollars of credit that were taken a day at it."""

    pace: Pace
    dollars: Decimal
    # What each measured day took of all pots, in dollars at today's rates; what has stopped since
    # is among it.
    daily: tuple[Decimal, ...] = ()
    # Whether some of these calls were of campaigns that have stopped since.
    some_stopped: bool = False

    @property
    def spread(self) -> float:
        """How far a day is from the average one, as a part of it; 1 where too few days tell."""
        if len(self.daily) < limits.SPREAD_DAYS_LEAST or not any(self.daily):
            return 1.0
        days = [float(day) for day in self.daily]
        return stdev(days) / fmean(days)


# What calls of an account took since a moment: by minute type, seconds or dollars by pot; those of
# campaigns that do not run any more under `STOPPED`.
STOPPED = ""
Taken = Mapping[str, Mapping[str, Decimal]]
# Of these accounts, by their ids.
Teller = Callable[[Sequence[UUID], datetime], Mapping[UUID, Taken]]
_tellers: list[Teller] = []


def told_by(teller: Teller) -> Teller:
    """Let this function say which minute types used the pots."""
    _tellers[:] = [teller]
    return teller


def measure(*, wallet: Wallet, rates: dict[str, Decimal]) -> Measured:
    """Averages over the last `limits.PACE_DAYS`; credit becomes seconds at today's rates.

    What has stopped is left out. A younger account is measured from its first call on, over at
    least a day. Two queries.
    """
    found = measure_many(wallets={wallet.pk: wallet.account_id}, rates=rates)
    return found.get(wallet.pk, Measured(Pace(), _ZERO))


def measure_many(*, wallets: Mapping[int, UUID], rates: dict[str, Decimal]) -> dict[int, Measured]:
    """`measure` of many wallets (their accounts by wallet), of those with calls. Two queries."""
    now = clock.now()
    since = now - limits.PACE_WINDOW
    by_wallet: dict[int, list[Used]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(USED, {"wallets": list(wallets), "since": since, "now": now})
        for wallet_id, *row in cursor.fetchall():
            by_wallet[wallet_id].append(tuple(row))
    accounts = [wallets[wallet_id] for wallet_id in by_wallet]
    taken = _tellers[0](accounts, since) if _tellers and accounts else {}
    return {
        wallet_id: _measured(rows, taken.get(wallets[wallet_id], {}), rates, now)
        for wallet_id, rows in by_wallet.items()
    }


# A pot, days back, what was used of it then, when first, and whether there were calls before.
Used = tuple[str, int, Decimal, datetime, bool]


def _measured(
    rows: Sequence[Used], taken: Taken, rates: dict[str, Decimal], now: datetime
) -> Measured:
    days = limits.PACE_WINDOW / timedelta(days=1)
    if not any(is_older for *_, is_older in rows):
        days = max(1, (now - min(first for *_, first, _ in rows)) / timedelta(days=1))
    a_day = dict.fromkeys([pot for pot, *_ in rows], _ZERO)
    daily = [_ZERO] * ceil(days)
    for pot, back, used, *_ in rows:
        a_day[pot] += used
        daily[min(back, len(daily) - 1)] += _worth(pot, used, rates)
    a_day = {pot: used / Decimal(days) for pot, used in a_day.items()}
    goes_on = 1 - _shares(taken, Pot.CREDIT).get(STOPPED, _ZERO)
    dollars = a_day.get(Pot.CREDIT, _ZERO) * goes_on
    some_stopped = any(taken.get(STOPPED, {}).values())
    return Measured(_by_kind(a_day, taken, rates), dollars, tuple(daily), some_stopped)


def _worth(pot: str, used: Decimal, rates: dict[str, Decimal]) -> Decimal:
    return used if pot == Pot.CREDIT else used * rates[_owner(pot)] / SECONDS_PER_MINUTE


def _by_kind(a_day: dict[str, Decimal], taken: Taken, rates: dict[str, Decimal]) -> Pace:
    """Split what each pot lost among the minute types, as their calls took it."""
    seconds = dict.fromkeys(USABLE_POTS, _ZERO)
    unsplit = _ZERO
    for pot, used in a_day.items():
        shares = _shares(taken, pot)
        going_on = {kind: share for kind, share in shares.items() if kind != STOPPED}
        if pot != Pot.CREDIT:
            for kind, share in (going_on if shares else {_owner(pot): Decimal(1)}).items():
                seconds[kind] += used * share
        elif shares:
            for kind, share in going_on.items():
                rate = rates[CREDIT_RATE[kind]]
                seconds[kind] += used * share / rate * SECONDS_PER_MINUTE
        else:
            unsplit = used
    return Pace(**seconds, credit=unsplit)


def _shares(taken: Taken, pot: str) -> dict[str, Decimal]:
    total = sum((pots[pot] for pots in taken.values()), _ZERO)
    return {kind: pots[pot] / total for kind, pots in taken.items()} if total else {}


def _owner(pot: str) -> str:
    return "basic" if pot == Pot.BASIC else "premium"
