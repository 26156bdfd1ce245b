"""What a balance is worth, as pages show it."""

from decimal import Decimal

from wallets.forecasts.runway import Runway
from wallets.forecasts.standing import Standing, standing
from wallets.models import AutoRecharge, Wallet
from wallets.prices.payable import payable_minutes


def balance(
    *, wallet: Wallet, automatic: AutoRecharge, rates: dict[str, Decimal], runway: Runway
) -> dict[str, object]:
    """What the balance is worth: its badge, and minutes if all were used for one type."""
    found = standing(wallet=wallet, automatic=automatic, runway=runway)
    return {
        "credit": wallet.credit.amount,
        "negative": found == Standing.NEGATIVE,
        "tone": found.tone,
        "badge": found.label,
        "premium_minutes": payable_minutes(pots=wallet.pots, usable="premium", rates=rates),
        "basic_minutes": payable_minutes(pots=wallet.pots, usable="basic", rates=rates),
        "rates": rates,
        "has_minutes": bool(wallet.premium_seconds or wallet.basic_seconds),
    }
