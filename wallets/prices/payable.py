"""What a balance can pay for: which pots a campaign may use, and how long they last."""

from decimal import Decimal

from wallets.models import Wallet
from wallets.prices.amounts import SECONDS_PER_MINUTE

# The pots a kind of campaign may use in this order, and the type whose rate credit pays.
USABLE_POTS = {
    "premium": ("premium",),
    "basic": ("basic",),
    "premium_then_basic": ("premium", "basic"),
}
CREDIT_RATE = {"premium": "premium", "basic": "basic", "premium_then_basic": "premium"}


def payable_seconds(*, wallet: Wallet, usable: str, rates: dict[str, Decimal]) -> int:
    """Whole seconds a call of type `usable` could still last on this wallet.

    `usable` is premium, basic or premium_then_basic. The same formula stands in SQL in
    `campaigns.payable`; a test holds them together.
    """
    pots = USABLE_POTS[usable]
    seconds = sum(wallet.held(pot) for pot in pots)
    if "premium" in pots:
        seconds += wallet.included_seconds
    credit = max(Decimal(0), wallet.credit.amount)
    return seconds + int(credit * SECONDS_PER_MINUTE // rates[CREDIT_RATE[usable]])
