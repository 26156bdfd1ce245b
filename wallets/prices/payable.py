"""What a balance can pay for: which pots a campaign may use, and how long they last."""

from collections.abc import Mapping
from decimal import Decimal

from wallets.prices.amounts import SECONDS_PER_MINUTE

# The pots of bought minutes a kind of campaign may use in this order, and the type whose rate
# credit pays.
USABLE_POTS = {
    "premium": ("premium",),
    "basic": ("basic",),
    "premium_then_basic": ("premium", "basic"),
}
CREDIT_RATE = {"premium": "premium", "basic": "basic", "premium_then_basic": "premium"}


# What a call takes in this order, before credit: Included minutes are Premium ones.
TAKEN_POTS = {
    usable: ("included", *pots) if "premium" in pots else pots
    for usable, pots in USABLE_POTS.items()
}


def payable_seconds(
    *, pots: Mapping[str, Decimal | int], usable: str, rates: Mapping[str, Decimal]
) -> int:
    """Whole seconds a call of type `usable` could still last on what these pots hold.

    `usable` is premium, basic or premium_then_basic. The same formula stands in SQL in
    `campaigns.payable`; a test holds them together.
    """
    seconds = 0
    for pot in TAKEN_POTS[usable]:
        seconds += pots[pot]
    if pots["credit"] <= 0:
        return seconds
    return seconds + int(pots["credit"] * SECONDS_PER_MINUTE // rates[CREDIT_RATE[usable]])


def payable_minutes(
    *, pots: Mapping[str, Decimal | int], usable: str, rates: Mapping[str, Decimal]
) -> int:
    """The same in whole minutes, as people are told what a balance is worth."""
    return payable_seconds(pots=pots, usable=usable, rates=rates) // SECONDS_PER_MINUTE
