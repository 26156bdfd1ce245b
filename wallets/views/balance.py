"""What a balance is worth, as pages show it."""

from decimal import Decimal

from wallets.models import AutoRecharge, Wallet
from wallets.prices.amounts import SECONDS_PER_MINUTE


def balance(
    *, wallet: Wallet, automatic: AutoRecharge, rates: dict[str, Decimal]
) -> dict[str, object]:
    """What the balance is worth: its badge, and minutes if all were used for one type."""
    credit = wallet.credit.amount
    if credit < 0:
        tone, badge = "danger", "Negative"
    elif credit < automatic.threshold.amount:
        tone, badge = "warning", "Low balance"
    else:
        tone, badge = "success", "Healthy"
    return {
        "credit": credit,
        "negative": credit < 0,
        "tone": tone,
        "badge": badge,
        "premium_minutes": _minutes(
            wallet.premium_seconds + wallet.included_seconds, credit, rates["premium"]
        ),
        "basic_minutes": _minutes(wallet.basic_seconds, credit, rates["basic"]),
        "rates": rates,
        "has_minutes": bool(wallet.premium_seconds or wallet.basic_seconds),
    }


def _minutes(seconds: int, credit: Decimal, rate: Decimal) -> int:
    """Whole minutes that a pot and all the credit pay for together."""
    minute = SECONDS_PER_MINUTE
    return int((seconds * rate + max(Decimal(0), credit) * minute) // (minute * rate))
