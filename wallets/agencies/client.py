"""One sub-account as its agency sees it."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from wallets.models import AutoRecharge, MinuteAsk, Wallet

_ZERO = Decimal(0)
# After a decline, beyond a limit, or braked: charges do not come as they should.
_LONG_HOLDS = (
    AutoRecharge.Hold.DECLINED,
    AutoRecharge.Hold.MONTHLY_LIMIT,
    AutoRecharge.Hold.DAILY_CEILING,
    AutoRecharge.Hold.TOO_MANY_TRIES,
)


class Dollars(NamedTuple):
    """Credit, as wallets have it."""

    amount: Decimal


@dataclass(kw_only=True, slots=True)
class Client:
    """One sub-account as its agency sees it. Has what a wallet has, so that the rules of wallets
    judge it; and no card and no price that are not its agency's business."""

    pk: UUID
    name: str
    is_closed: bool
    archived_at: datetime | None
    zone: str
    wallet_id: int | None
    credit: Dollars
    premium_seconds: int
    basic_seconds: int
    included_seconds: int
    blocked_at: datetime | None
    # Auto-Recharge: "" without trouble, or why it does not charge.
    enabled: bool
    suspended_at: datetime | None
    suspended_reason: str
    hold_reason: str
    not_before: datetime | None
    card_id: str
    # The monthly allocation.
    basic_minutes: int = 0
    premium_minutes: int = 0
    anchor_date: date | None = None
    skip_period: date | None = None
    payment_failed: bool = False
    tried_again_at: datetime | None = None
    # A payment of the agency for it that the bank or Stripe has not answered, and its state.
    open_purchase: UUID | None = None
    open_state: str = ""
    # Told by other tables.
    card_trouble: str = ""
    paused: int = 0
    used_seconds: int = 0
    days: Decimal | None = None
    ask: MinuteAsk | None = None
    awaits: str = ""
    spent: Decimal = _ZERO
    next_month: Decimal = _ZERO

    # Of its fields, which are named as the wallet's.
    pots = Wallet.pots

    @property
    def is_at_bank(self) -> bool:
        """Whether a payment waits for the agency to confirm it."""
        return self.open_state == "requires_action"

    @property
    def keeps_filled(self) -> bool:
        """Whether its Auto-Recharge charges as it should, by what its rule noted last: asking the
        rule itself takes four statements for each."""
        stopped = self.suspended_at or self.blocked_at or self.card_trouble
        return self.enabled and not stopped and self.hold_reason not in _LONG_HOLDS
