"""Money in sentences."""

from decimal import ROUND_HALF_UP, Decimal

MINUS = "\N{MINUS SIGN}"


def usd(amount: Decimal) -> str:
    """Dollars to the cent, half-up, grouped: $1,234.50 or −$4.32."""
    rounded = amount.quantize(Decimal("0.01"), ROUND_HALF_UP)
    return f"{MINUS if rounded < 0 else ''}${abs(rounded):,.2f}"


def holds(wallet) -> str:
    """What a balance consists of: `$0.05 and 156 Premium minutes`."""
    minutes = {
        pot: getattr(wallet, f"{pot}_seconds") // 60 for pot in ("included", "premium", "basic")
    }
    named = [f"{count:,} {pot.title()}" for pot, count in minutes.items() if count]
    credit = usd(wallet.credit.amount)
    return f"{credit} and {' and '.join(named)} minutes" if named else credit
