"""Charging batches of usages: calls become debits. Knows plain values, no campaigns."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from uuid import UUID

import msgspec

from wallets.balances import ledger
from wallets.balances.ledger import Holding, Pots
from wallets.prices.amounts import SECONDS_PER_MINUTE, price_of_seconds
from wallets.prices.payable import CREDIT_RATE, TAKEN_POTS
from wallets.prices.rates import RateHistory


class Usage(msgspec.Struct, frozen=True, gc=False):
    """One finished call of a wallet. A call that is not billable takes nothing."""

    wallet_id: int
    # premium, basic or premium_then_basic: which pots it may use.
    minute_type: str
    seconds: int
    ended_at: datetime
    billable: bool = True
    # What its hold reserves, if that has not expired.
    hold: Pots | None = None


class Taken(msgspec.Struct, frozen=True, gc=False):
    """What one usage took from each pot: seconds, and dollars of credit."""

    included_seconds: int = 0
    premium_seconds: int = 0
    basic_seconds: int = 0
    credit: Decimal = Decimal(0)


NOTHING = Taken()
NONE_RESERVED: Mapping[int, Pots] = MappingProxyType({})


@contextmanager
def charged(
    *,
    usages: Sequence[Usage],
    batch: UUID,
    wallets: Mapping[int, Holding],
    rates: RateHistory,
    reserved: Mapping[int, Pots] = NONE_RESERVED,
    **read: object,
) -> Iterator[list[Taken]]:
    """Take each usage from its wallet's pots, in order, and give what each one took.

    Call inside the transaction that locked `wallets` (by id, in the order of their ids) and read
    the rates: the caller says which usages are new, records them in the block, and `batch` is new,
    too. Whoever listens is told afterwards. One entry per wallet and pot, named `calls:<batch>`.
    Credit may go below zero: a call that happened is charged. `reserved` is what holds reserve of
    the wallets that have any, those of the usages among it: others' are left alone while there is
    something else. What else the caller has `read` under the locks is passed on to who listens.
    """
    left = {pk: wallet.pots.copy() for pk, wallet in wallets.items()}
    held = {pk: pots.copy() for pk, pots in reserved.items()}
    taken = [
        _take_beside(usage, left[usage.wallet_id], held[usage.wallet_id], rates)
        if usage.wallet_id in held
        else _take(usage, left[usage.wallet_id], rates)
        for usage in usages
    ]
    moved = ledger.post_debits(wallets=wallets.values(), left=left, key=f"calls:{batch}")
    # They are recorded while PostgreSQL writes the entries.
    yield taken
    if moved:
        ledger.tell(moved, kinds={ledger.CALLS}, rates=rates, **read)


def _take(usage: Usage, pots: Pots, rates: RateHistory) -> Taken:
    """Included first, then the usable pots in order, then credit at the rate of its end."""
    if not usage.billable:
        return NOTHING
    rest, parts = usage.seconds, {}
    for pot in TAKEN_POTS[usage.minute_type]:
        parts[f"{pot}_seconds"] = part = min(rest, pots[pot])
        pots[pot] -= part
        rest -= part
    if not rest:
        return Taken(**parts)
    rate = rates.at(CREDIT_RATE[usage.minute_type], usage.ended_at)
    cost = price_of_seconds(seconds=rest, rate=rate)
    pots["credit"] -= cost
    return Taken(**parts, credit=cost)


def _take_beside(usage: Usage, pots: Pots, held: Pots, rates: RateHistory) -> Taken:
    """The same in a wallet with holds: first of all pots and credit what no other call has
    reserved, then as if nothing were. So a call within its hold takes from nobody else's."""
    for pot, part in (usage.hold or {}).items():
        held[pot] -= part
    if not usage.billable:
        return NOTHING
    order = TAKEN_POTS[usage.minute_type]
    parts = dict.fromkeys((f"{pot}_seconds" for pot in order), 0)
    rate = rates.at(CREDIT_RATE[usage.minute_type], usage.ended_at)
    free = {pot: max(pots[pot] - held[pot], 0) for pot in order}
    rest = _from_minutes(usage.seconds, free, pots, parts)
    credit = max(pots["credit"] - held["credit"], 0)
    by_credit = min(rest, int(credit * SECONDS_PER_MINUTE // rate))
    by_credit += _from_minutes(rest - by_credit, pots.copy(), pots, parts)
    cost = price_of_seconds(seconds=by_credit, rate=rate)
    pots["credit"] -= cost
    return Taken(**parts, credit=cost)


def _from_minutes(rest: int, usable: Pots, pots: Pots, parts: dict[str, int]) -> int:
    """Take seconds from the pots of `parts`, of each what is `usable`; returns those left over."""
    for name in parts:
        pot = name.removesuffix("_seconds")
        part = min(rest, usable[pot])
        parts[name] += part
        pots[pot] -= part
        rest -= part
    return rest
