"""Replay: what settings of Auto-Recharge would have done with an account's own last 30 days.

Credit that calls took is read from the ledger in slots of ten minutes, so a year of calls costs
one query and a few thousand steps. Recharges that were made are left out: the replay makes its
own, by the same rule as `auto_recharge`. An estimate for people; it decides nothing.
"""

from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_CEILING, Decimal

from django.db import connection
from django.utils.functional import cached_property

from accounts import clock
from wallets import limits
from wallets.models import Wallet
from wallets.prices.rates import rates_now
from wallets.recharges import auto_recharge
from wallets.recharges.auto_recharge import Terms

_ZERO = Decimal(0)

# Calls, and what support corrected; what a card brought or took back is replayed instead.
# Slots are numbers: a driver reads thousands of them ten times as fast as moments. date_part and
# not extract, which counts in numeric and takes a third longer.
SLOTS = """
SELECT floor(date_part('epoch', created_at - %(since)s) / %(seconds)s)::int AS slot, sum(amount)
FROM wallets_ledgerentry
WHERE wallet_id = %(wallet)s AND created_at >= %(since)s AND created_at < %(now)s
  AND pot = 'credit' AND kind IN ('calls', 'adjustment')
GROUP BY slot ORDER BY slot
"""
OPENING = """
SELECT balance_after FROM wallets_ledgerentry
WHERE wallet_id = ANY (ARRAY[%s]) AND pot = 'credit' AND created_at < %s
ORDER BY wallet_id DESC, created_at DESC, id DESC LIMIT 1
"""


@dataclass(frozen=True)
class Past:
    """Credit at the beginning, and what each slot of ten minutes moved: negative is used.

    Slots are counted from `since`; those in which nothing moved are left out.
    """

    wallet: Wallet
    since: datetime
    opening: Decimal
    slots: list[tuple[int, Decimal]]
    # What a minute costs at least: with less, calls that credit pays stand still.
    minute: Decimal

    @cached_property
    def used(self) -> Decimal:
        return -sum((moved for _, moved in self.slots if moved < 0), _ZERO)


@dataclass(frozen=True)
class Replay:
    """What the settings would have done. Dollars; `still` is time without a payable minute."""

    charges: int
    charged: Decimal
    lowest: Decimal
    still: timedelta
    limit_reached: bool
    ceiling_reached: bool


def past(*, wallet: Wallet) -> Past:
    """The last `limits.REPLAY_DAYS` of the wallet. Three queries."""
    now = clock.now()
    since = now - limits.REPLAY_WINDOW
    with connection.cursor() as cursor:
        seconds = limits.REPLAY_SLOT.total_seconds()
        figures = {"seconds": seconds, "since": since, "now": now, "wallet": wallet.pk}
        cursor.execute(SLOTS, figures)
        slots = cursor.fetchall()
        cursor.execute(OPENING, [wallet.pk, since])
        opening = cursor.fetchone()
    return Past(
        wallet=wallet,
        since=since,
        opening=opening[0] if opening else _ZERO,
        slots=slots,
        minute=min(rates_now().values()),
    )


class _Run:
    """One pass through the past, a slot at a time."""

    def __init__(self, past: Past, terms: Terms) -> None:
        self._past, self._terms = past, terms
        self._zone = past.wallet.account.zone
        self.credit = self.lowest = past.opening
        self.charges, self.charged, self.still = 0, _ZERO, timedelta(0)
        self.limit_reached = False
        self._month, self._spent = (0, 0), _ZERO
        self._day, self._today = (0, 0, 0), _ZERO
        self.ceiling_reached = False

    def play(self) -> None:
        threshold = self._terms.threshold
        for slot, moved in self._past.slots:
            if moved > 0 or self.credit + moved >= threshold:
                self.credit += moved
                self.lowest = min(self.lowest, self.credit)
            else:
                self._use(-moved, slot)

    def _use(self, used: Decimal, slot: int) -> None:
        """Take what calls took, recharging on the way; the rest stands still."""
        minute, wanted = self._past.minute, used
        may_charge = limits.CHARGES_PER_WINDOW
        if not self._is_above:
            may_charge = may_charge - 1 if self._charge(slot) else 0
        while used > 0 and self.credit >= minute:
            # To just below the threshold, where the rule looks; never less than a minute.
            above = max(self.credit - self._terms.threshold, _ZERO)
            step = min(used, above + minute if may_charge else self.credit)
            self.credit -= step
            used -= step
            self.lowest = min(self.lowest, self.credit)
            if may_charge and not self._is_above:
                may_charge = may_charge - 1 if self._charge(slot) else 0
        self.still += limits.REPLAY_SLOT * float(used / wanted)

    @property
    def _is_above(self) -> bool:
        return self.credit >= self._terms.threshold

    def _charge(self, slot: int) -> bool:
        """Charge as the rule would, if it would."""
        if self._is_above:
            return False
        self._turn_the_calendar(slot)
        terms = self._terms
        charge = auto_recharge.charge_for(
            credit=self.credit, terms=terms, spent=self._spent, today=self._today
        )
        if not charge:
            is_limit = terms.fits_no_month(self._spent)
            self.limit_reached |= is_limit
            self.ceiling_reached |= not is_limit
            return False
        self.credit += charge
        self.charged += charge
        self._spent += charge
        self._today += charge
        self.charges += 1
        return True

    def _turn_the_calendar(self, slot: int) -> None:
        """Where the account is, a new month has nothing spent, and a new day neither."""
        local = (self._past.since + limits.REPLAY_SLOT * slot).astimezone(self._zone)
        if (local.year, local.month) != self._month:
            self._month, self._spent = (local.year, local.month), _ZERO
        if (local.year, local.month, local.day) != self._day:
            self._day, self._today = (local.year, local.month, local.day), _ZERO


def replay(*, past: Past, terms: Terms) -> Replay:
    """What these settings, switched on, would have done. Writes nothing, asks nothing."""
    run = _Run(past, terms)
    run.play()
    return Replay(
        charges=run.charges,
        charged=run.charged,
        lowest=run.lowest,
        still=run.still,
        limit_reached=run.limit_reached,
        ceiling_reached=run.ceiling_reached,
    )


def suggested_threshold(*, past: Past) -> Decimal | None:
    """A threshold that the busiest hours would not have emptied, in steps of $5.

    None when calls took no credit.
    """
    busiest, running = _ZERO, _ZERO
    length = limits.BUSIEST_HOURS // limits.REPLAY_SLOT
    window: deque[tuple[int, Decimal]] = deque()
    for slot, moved in past.slots:
        if moved >= 0:
            continue
        window.append((slot, moved))
        running -= moved
        while window[0][0] <= slot - length:
            running += window.popleft()[1]
        busiest = max(busiest, running)
    if not busiest:
        return None
    step = limits.SUGGESTED_STEP
    rounded = (busiest / step).to_integral_value(ROUND_CEILING) * step
    return min(rounded, limits.THRESHOLD_MOST)
