"""Holds: what is reserved for calls that run, so that together they take no more than there is.

A wallet's row keeps the sums of its holds, so that whoever locks it knows whether there are any.
An expired hold counts for nothing at once: what is kept, less what has expired, is reserved. Rows
and sums are written together, with the wallet locked, and only here.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

import msgspec
from django.db import transaction

from accounts import clock
from accounts.runtime import statements
from accounts.runtime.columns import column, lines
from accounts.runtime.waits import Wait, oldest
from wallets import limits
from wallets.balances.hold_statements import (
    CAPTURE,
    END,
    EXPIRED,
    LOCK,
    LOCK_OF_CALL,
    LOCK_OF_ENDED,
    OF_CALLS,
    OF_TYPE,
    RELEASE,
)
from wallets.balances.ledger import POTS, Holding, Pots
from wallets.models import CallHold, Wallet
from wallets.prices.payable import CREDIT_RATE, TAKEN_POTS


@dataclass(frozen=True)
class Placed:
    """What became of asking for a hold. `seconds` are all that the call now holds; 0: none."""

    wallet_id: int
    seconds: int
    expires_at: datetime | None
    # Why there is none: reported already, held in another wallet, or nothing can be paid.
    is_settled: bool
    is_elsewhere: bool
    payable_seconds: int


@dataclass(frozen=True)
class Summary:
    """How many calls have a hold now, and what is reserved of each pot for all of them."""

    calls: int
    pots: Pots


class Own(msgspec.Struct, frozen=True, gc=False):
    """The hold of a call that is reported."""

    pk: int
    wallet_id: int
    parts: Pots


class Reserved(msgspec.Struct, frozen=True, gc=False):
    """What holds reserve of locked wallets: of each all together, and of calls being reported."""

    # By wallet; only of wallets with a hold.
    of_wallets: dict[int, Pots]
    # Those of the calls, expired ones among them.
    own: list[Own]
    # What those that have not expired reserve, by the platform's ids of the calls.
    live: dict[str, Pots]


NOTHING_RESERVED = Reserved({}, [], {})


@transaction.atomic
def place(
    *,
    statement: str,
    account_id: UUID,
    reporter: UUID,
    call: str,
    minute_type: str,
    seconds: int,
    may_start: bool,
) -> Placed | None:
    """Reserve up to so many seconds for one call, of all that it takes. None without a wallet.

    The same call again extends what it has, and never takes back: it may ask for more seconds, and
    ends later. Where `may_start` is false only a call that has a hold gets one. `statement` is one
    of `hold_statements.placing`. One message of two: the wallet is locked, then all is decided.
    """
    pots = TAKEN_POTS[minute_type]
    values = {
        "account": account_id,
        "reporter": reporter,
        "call": call,
        "minute_type": minute_type,
        "seconds": seconds,
        "may": str(may_start),
        "rate": CREDIT_RATE[minute_type],
        "report": f"{limits.HOLD_REPORT_WITHIN // timedelta(seconds=1)} seconds",
        "now": clock.now(),
        **{pot: str(pot in pots) for pot in ("included", "premium", "basic")},
    }
    with statements.together(commit=True):
        statements.run(LOCK, [account_id])
        answer = statements.ask(statement, values)
    for wallet_id, held, expires_at, is_settled, is_elsewhere, granted in answer.rows():
        return Placed(wallet_id, held or 0, expires_at, is_settled, is_elsewhere, granted)
    return None


def account_of(*, reporter: UUID, call: str) -> UUID | None:
    """Whose wallet has a hold for a call, expired or not."""
    found = CallHold.objects.filter(reporter=reporter, call=call)
    return found.values_list("wallet__account", flat=True).first()


@transaction.atomic
def release(*, reporter: UUID, call: str) -> None:
    """Give back what is reserved for a call. Repeatable."""
    with statements.together(commit=True):
        statements.run(LOCK_OF_CALL, [reporter, call])
        statements.run(RELEASE, [reporter, call])


def free(pots: Pots, reserved: Pots | None) -> Pots:
    """What of these pots is not reserved: dollars, which may be negative, and whole seconds."""
    if not reserved:
        return pots
    left = {pot: max(held - reserved[pot], 0) for pot, held in pots.items()}
    return left | {"credit": pots["credit"] - reserved["credit"]}


def reserved_of(*, wallets: Iterable[Wallet | Holding]) -> dict[int, Pots]:
    """What holds reserve of these wallets at this moment, by their keys; only of those with any.

    Exact for locked wallets. One statement when one of them has a hold, otherwise none.
    """
    kept = {wallet.pk: reserved for wallet in wallets if (reserved := wallet.reserved)}
    if not kept:
        return {}
    return _less_expired(kept, statements.ask(EXPIRED, [column(kept), clock.now()]))


def free_of(wallet: Wallet | Holding) -> Pots:
    """What of one wallet is not reserved. One statement when it has holds, otherwise none."""
    return free(wallet.pots, reserved_of(wallets=[wallet]).get(wallet.pk))


def summary(wallet: Wallet) -> Summary:
    """What is reserved now, for people. One statement when there are holds, otherwise none."""
    kept = wallet.reserved
    if not kept:
        return Summary(0, dict.fromkeys(POTS, 0))
    calls = wallet.reserved_calls
    for _, count, *sums in statements.rows(EXPIRED, [column([wallet.pk]), clock.now()]):
        calls, kept = calls - count, less(kept, _pots(sums))
    return Summary(calls, kept)


def running(*, wallet: Wallet | Holding, minute_type: str) -> int:
    """How many calls of a type have a hold now."""
    if not wallet.reserved:
        return 0
    ((found,),) = statements.rows(OF_TYPE, [wallet.pk, minute_type, clock.now()])
    return found


def of_calls(
    *, wallets: Iterable[Holding], reporter: UUID, calls: Iterable[tuple[str, int]]
) -> Reserved:
    """What is reserved of these locked wallets, and for these calls. One message if there is any.

    `calls` are ids, each with the wallet that pays the call; what is held for it in another one
    stays until it expires.
    """
    kept = {wallet.pk: wallet.reserved for wallet in wallets if wallet.reserved}
    if not kept:
        return NOTHING_RESERVED
    now, payers = clock.now(), dict(calls)
    with statements.together():
        expired = statements.ask(EXPIRED, [column(kept), now])
        found = statements.ask(OF_CALLS, [now, reporter, lines(payers), column(kept)])
    own, live = [], {}
    for call, pk, wallet_id, is_live, *parts in found.rows():
        if payers[call] == wallet_id:
            own.append(Own(pk, wallet_id, _pots(parts)))
            if is_live:
                live[call] = own[-1].parts
    return Reserved(_less_expired(kept, expired), own, live)


def capture(*, holds: Collection[Own], wallets: Mapping[int, Holding]) -> None:
    """End the holds of calls that are charged now. Call with the wallets locked.

    What the wallets keep is brought up to date in place.
    """
    if not holds:
        return
    statements.run(CAPTURE, [column(own.pk for own in holds)])
    for own in holds:
        wallet = wallets[own.wallet_id]
        wallet.reserved = less(wallet.reserved, own.parts)


def less(pots: Pots, parts: Pots) -> Pots:
    return {pot: held - parts[pot] for pot, held in pots.items()}


def end_expired() -> int:
    """Delete holds that are over, a bite of wallets at a time. Returns of how many wallets.

    They count for nothing already: nothing waits for this.
    """
    ended = 0
    for _ in range(limits.HOLDS_SWEEP_BITES):
        found = _end_some()
        ended += found
        if not found:
            break
    return ended


@transaction.atomic
def _end_some() -> int:
    now = clock.now()
    locked = statements.rows(LOCK_OF_ENDED, [now, limits.HOLDS_SWEEP_WALLETS])
    if locked:
        statements.run(END, [column(pk for (pk,) in locked), now])
    return len(locked)


def _pots(row: Sequence[Decimal | int]) -> Pots:
    return dict(zip(POTS, row, strict=True))


def _less_expired(kept: dict[int, Pots], expired: statements.Answer) -> dict[int, Pots]:
    for wallet_id, _, *sums in expired.rows():
        kept[wallet_id] = less(kept[wallet_id], _pots(sums))
    return kept


Wait(
    kind="call_hold",
    since=lambda: oldest(CallHold.objects.filter(expires_at__lte=clock.now()), "expires_at"),
    bound=limits.HOLD_ENDED_BOUND,
)
