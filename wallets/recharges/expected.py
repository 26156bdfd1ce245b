"""What Auto-Recharge is expected to do, told before it happens: asked of the rule itself."""

from copy import copy
from datetime import datetime
from decimal import Decimal

from djmoney.money import Money

from wallets.models import AutoRecharge, Wallet
from wallets.recharges import auto_recharge
from wallets.why.codes import Recharge
from wallets.why.decisions import Decision

# The least that a balance can be below the threshold: what a column of credit can hold.
_JUST_BELOW = Decimal("0.000001")


def below_threshold(
    *, wallet: Wallet, automatic: AutoRecharge, at: datetime | None = None
) -> Decision:
    """What the rule decides when the credit falls below the threshold, at `at` or now. A wallet
    that is below already keeps its credit. Up to four queries; writes nothing."""
    fallen = automatic.threshold.amount - _JUST_BELOW
    return _decide(wallet, automatic, min(wallet.credit.amount, fallen), at)


def charge_at(*, wallet: Wallet, automatic: AutoRecharge, credit: Decimal) -> Decimal:
    """Dollars the rule charges of itself once the credit is this, 0 for nothing. A cooldown ends in
    a minute, so that what follows it is told."""
    decision = _decide(wallet, automatic, credit, None)
    if decision.code == Recharge.COOLDOWN:
        decision = _decide(wallet, automatic, credit, decision.figures["until"])
    return decision.figures["charge"] if decision.wanted else Decimal(0)


def keeps_filled(*, wallet: Wallet, automatic: AutoRecharge) -> bool:
    """Whether charges come as they should: nothing but a cooldown or an open payment is before the
    next one."""
    decision = below_threshold(wallet=wallet, automatic=automatic)
    soon = (Recharge.COOLDOWN, Recharge.PURCHASE_PENDING, Recharge.TOO_MANY)
    return decision.wanted or decision.code in soon


def _decide(
    wallet: Wallet, automatic: AutoRecharge, credit: Decimal, at: datetime | None
) -> Decision:
    then = copy(wallet)
    then.credit = Money(credit, "USD")
    asked = copy(automatic)
    asked.wallet = then
    return auto_recharge.decide(wallet=then, automatic=asked, at=at)
