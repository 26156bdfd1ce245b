"""How a balance stands, in a word: decides what the badge and the banner call it."""

from enum import Enum

from accounts.runtime.of_one import has_any
from wallets import limits
from wallets.forecasts.runway import Runway
from wallets.models import AutoRecharge, LedgerEntry, Wallet


class Standing(Enum):
    """Its label and its tone."""

    NEW = ("No credit yet", "")
    NEGATIVE = ("Negative", "danger")
    LOW = ("Low balance", "warning")
    BELOW = ("Below threshold", "")
    SHORT = ("Runs out soon", "warning")
    HEALTHY = ("Healthy", "success")

    def __init__(self, label: str, tone: str) -> None:
        self.label, self.tone = label, tone


def standing(*, wallet: Wallet, automatic: AutoRecharge, runway: Runway) -> Standing:
    """Low is a balance below the threshold that does not last a week, or nobody knows how long.

    One that lasts longer is only below it; one above it that ends within a day, with nothing
    charged by itself, runs out soon. One query for a wallet that holds nothing.
    """
    credit, days = wallet.credit.amount, runway.first.days if runway.first else None
    if credit < 0:
        return Standing.NEGATIVE
    if is_new(wallet):
        return Standing.NEW
    if credit < automatic.threshold.amount:
        lasts = days is not None and days > limits.LOW_WITHIN_DAYS
        return Standing.BELOW if lasts else Standing.LOW
    is_short = days is not None and days < limits.SHORT_WITHIN_DAYS
    return Standing.SHORT if is_short and not runway.kept_filled else Standing.HEALTHY


def is_new(wallet: Wallet) -> bool:
    """Whether nothing was ever in this wallet, so that nothing is missing from it either."""
    return not any(wallet.pots.values()) and not has_any(LedgerEntry.objects, "wallet", wallet.pk)
