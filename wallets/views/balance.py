"""What a balance is worth, as pages show it."""

from decimal import Decimal

from wallets.balances import holds
from wallets.forecasts.runway import Runway
from wallets.forecasts.standing import Standing, standing
from wallets.models import AutoRecharge, Wallet
from wallets.prices.payable import payable_minutes
from wallets.texts import exact_minutes, money


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
        "reserved": _reserved(holds.summary(wallet)),
        "has_minutes": bool(wallet.premium_seconds or wallet.basic_seconds),
    }


def _reserved(found: holds.Summary) -> str:
    """“$3.20 of it is reserved for 4 running calls.”; empty when nothing is."""
    if not found.calls:
        return ""
    parts = [money(found.pots["credit"])] * bool(found.pots["credit"])
    parts += [
        f"{exact_minutes(found.pots[pot])} {pot.title()}"
        for pot in ("included", "premium", "basic")
        if found.pots[pot]
    ]
    verb = "is" if len(parts) == 1 else "are"
    calls = "1 running call" if found.calls == 1 else f"{found.calls:,} running calls"
    return f"{' and '.join(parts)} of it {verb} reserved for {calls}."
