"""How a wallet's pots run down at a pace: minutes first, and credit pays what they do not."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import pairwise

from wallets.forecasts.pace import Pace
from wallets.models import Wallet
from wallets.prices.amounts import SECONDS_PER_MINUTE
from wallets.prices.payable import USABLE_POTS

_ZERO = Decimal(0)
# What a pace has parts for: kinds of campaigns, and calls of a kind we do not know.
KINDS = (*USABLE_POTS, "credit")


@dataclass(frozen=True)
class Drain:
    """What a day takes while the pots stand as they do."""

    premium: Decimal
    basic: Decimal
    credit: Decimal


@dataclass(frozen=True)
class Course:
    """How the pots run down: when each kind of calls stops, and the credit on the way."""

    # Days until each kind that is used cannot be paid any more.
    stops: dict[str, Decimal]
    # Days from now and the credit then, wherever its fall bends; straight between, and after the
    # last one nothing is used.
    bends: list[tuple[Decimal, Decimal]]

    def credit_at(self, days: Decimal) -> Decimal:
        for (begins, credit), (ends, then) in pairwise(self.bends):
            if days <= ends:
                return credit + (then - credit) * (days - begins) / (ends - begins)
        return self.bends[-1][1]

    def falls_below(self, level: Decimal) -> Decimal | None:
        """Days until the credit is at this level on its way down; None if it never is."""
        if self.bends[0][1] < level:
            return _ZERO
        for (begins, credit), (ends, then) in pairwise(self.bends):
            if then < level:
                return begins + (credit - level) / (credit - then) * (ends - begins)
        return None


def run_down(*, wallet: Wallet, pace: Pace, rates: dict[str, Decimal]) -> Course:
    """Let this pace use the wallet's pots until nothing is paid any more.

    A pot that runs dry hands its calls on: Premium then Basic to Basic minutes, the others to
    credit, which all share. What is not paid any more uses nothing.
    """
    premium = Decimal(wallet.premium_seconds + wallet.included_seconds)
    basic, credit = Decimal(wallet.basic_seconds), max(_ZERO, wallet.credit.amount)
    passed, stops, bends = _ZERO, {}, [(_ZERO, wallet.credit.amount)]
    while True:
        pots = {"premium": premium, "basic": basic}
        used = [kind for kind in KINDS if getattr(pace, kind)]
        unpaid = [kind for kind in used if not _is_paid(kind, pots, credit)]
        stops |= dict.fromkeys(unpaid, passed)
        if len(unpaid) == len(used):
            return Course(stops, bends)
        if unpaid:
            pace = replace(pace, **dict.fromkeys(unpaid, _ZERO))
        drain = _drain(pace, rates, has_premium=premium > 0, has_basic=basic > 0)
        step = min(_times(drain, premium, basic, credit))
        passed += step
        premium = _left(premium, drain.premium * step)
        basic = _left(basic, drain.basic * step)
        credit = _left(credit, drain.credit * step)
        bends.append((passed, min(credit, bends[-1][1])))


def _is_paid(kind: str, pots: dict[str, Decimal], credit: Decimal) -> bool:
    return credit > 0 or any(pots[pot] > 0 for pot in USABLE_POTS.get(kind, ()))


def _drain(pace: Pace, rates: dict[str, Decimal], *, has_premium: bool, has_basic: bool) -> Drain:
    """Who pays now: minutes where there are any, credit for the others."""
    minute = SECONDS_PER_MINUTE
    mixed_on_basic = pace.premium_then_basic if not has_premium and has_basic else _ZERO
    on_premium = pace.premium + pace.premium_then_basic if has_premium else _ZERO
    on_basic = pace.basic + mixed_on_basic if has_basic else _ZERO
    unpaid_premium = pace.premium + pace.premium_then_basic - on_premium - mixed_on_basic
    unpaid_basic = _ZERO if has_basic else pace.basic
    credit = (unpaid_premium * rates["premium"] + unpaid_basic * rates["basic"]) / minute
    return Drain(on_premium, on_basic, pace.credit + credit)


def _times(drain: Drain, premium: Decimal, basic: Decimal, credit: Decimal) -> Iterator[Decimal]:
    """Days until each pot that is used runs dry."""
    for left, used in ((premium, drain.premium), (basic, drain.basic), (credit, drain.credit)):
        if used:
            yield left / used


# Divisions leave dust: less than a millionth is nothing.
_DUST = Decimal("0.000001")


def _left(pot: Decimal, used: Decimal) -> Decimal:
    left = pot - used
    return left if left > _DUST else _ZERO
