"""Charging batches of usages: calls become debits. Knows plain values, no campaigns."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from wallets.balances import ledger
from wallets.models import LedgerEntry, Pot, Wallet
from wallets.prices.amounts import price_of_seconds
from wallets.prices.payable import CREDIT_RATE, USABLE_POTS
from wallets.prices.rates import RateHistory, rate_history


@dataclass(frozen=True)
class Usage:
    """One finished call of a wallet. A call that is not billable takes nothing."""

    wallet_id: int
    # premium, basic or premium_then_basic: which pots it may use.
    minute_type: str
    seconds: int
    ended_at: datetime
    billable: bool = True


@dataclass(frozen=True)
class Taken:
    """What one usage took from each pot: seconds, and dollars of credit."""

    included_seconds: int = 0
    premium_seconds: int = 0
    basic_seconds: int = 0
    credit: Decimal = Decimal(0)


def charge(*, usages: Sequence[Usage], batch: UUID, wallets: dict[int, Wallet]) -> list[Taken]:
    """Take each usage from its wallet's pots, in order, and return what each one took.

    Call inside the transaction that locked `wallets` (by id) and that records the usages: the
    caller says which usages are new. One entry per wallet and pot, named `calls:<batch>`.
    Credit may go below zero: a call that happened is charged.
    """
    rates = rate_history()
    left = {pk: _Pots(wallet) for pk, wallet in wallets.items()}
    taken = [left[usage.wallet_id].take(usage, rates) for usage in usages]
    totals: dict[tuple[int, str], Decimal] = defaultdict(Decimal)
    for usage, part in zip(usages, taken, strict=True):
        totals[usage.wallet_id, Pot.INCLUDED] -= part.included_seconds
        totals[usage.wallet_id, Pot.PREMIUM] -= part.premium_seconds
        totals[usage.wallet_id, Pot.BASIC] -= part.basic_seconds
        totals[usage.wallet_id, Pot.CREDIT] -= part.credit
    ledger.post(
        movements=[
            ledger.Movement(
                wallet_id=wallet_id,
                pot=pot,
                amount=amount,
                kind=LedgerEntry.Kind.CALLS,
                key=f"calls:{batch}",
            )
            for (wallet_id, pot), amount in totals.items()
        ],
        wallets=wallets,
    )
    return taken


class _Pots:
    """The minute pots of one wallet while a batch is worked out."""

    def __init__(self, wallet: Wallet) -> None:
        self.seconds = wallet.pots

    def take(self, usage: Usage, rates: RateHistory) -> Taken:
        """Included first, then the usable pots in order, then credit at the rate of its end."""
        if not usage.billable:
            return Taken()
        pots = list(USABLE_POTS[usage.minute_type])
        if Pot.PREMIUM in pots:
            pots.insert(0, Pot.INCLUDED)
        rest, parts = usage.seconds, {}
        for pot in pots:
            parts[f"{pot}_seconds"] = part = min(rest, self.seconds[pot])
            self.seconds[pot] -= part
            rest -= part
        rate = rates.at(CREDIT_RATE[usage.minute_type], usage.ended_at)
        return Taken(**parts, credit=price_of_seconds(seconds=rest, rate=rate))
