"""The pace of an account: what its calls used on an average day of the last `limits.PACE_DAYS`.

The ledger says exactly what each pot lost; calls, which wallets does not know, say for which kind
of campaign, and whether it still runs: what has stopped uses nothing tomorrow. Whoever keeps them
tells by `told_by`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.db import connection

from accounts import clock
from wallets import limits
from wallets.models import Pot, Wallet
from wallets.prices.amounts import SECONDS_PER_MINUTE
from wallets.prices.payable import CREDIT_RATE, USABLE_POTS

_ZERO = Decimal(0)

USED = """
SELECT pot, -sum(amount), min(created_at), (
  SELECT created_at FROM wallets_ledgerentry
  WHERE wallet_id = %(wallet)s AND kind = 'calls' AND created_at < %(since)s
  ORDER BY created_at LIMIT 1) IS NOT NULL
FROM wallets_ledgerentry
WHERE wallet_id = %(wallet)s AND kind = 'calls' AND created_at >= %(since)s
GROUP BY pot
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


# What calls of an account took since a moment: by minute type, seconds or dollars by pot; those of
# campaigns that do not run any more under `STOPPED`.
STOPPED = ""
Taken = Mapping[str, Mapping[str, Decimal]]
Teller = Callable[[Wallet, datetime], Taken]
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
    now = clock.now()
    since = now - limits.PACE_WINDOW
    with connection.cursor() as cursor:
        cursor.execute(USED, {"wallet": wallet.pk, "since": since})
        rows = cursor.fetchall()
    if not rows:
        return Measured(Pace(), _ZERO)
    days = limits.PACE_WINDOW / timedelta(days=1)
    if not any(is_older for *_, is_older in rows):
        days = max(1, (now - min(first for _, _, first, _ in rows)) / timedelta(days=1))
    a_day = {pot: used / Decimal(days) for pot, used, _, _ in rows}
    taken = _tellers[0](wallet, since) if _tellers else {}
    goes_on = 1 - _shares(taken, Pot.CREDIT).get(STOPPED, _ZERO)
    return Measured(_by_kind(a_day, taken, rates), a_day.get(Pot.CREDIT, _ZERO) * goes_on)


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
