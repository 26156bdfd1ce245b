"""Money in sentences."""

from decimal import ROUND_HALF_UP, Decimal

MINUS = "\N{MINUS SIGN}"


def usd(amount: Decimal) -> str:
    """Dollars to the cent, half-up, grouped: $1,234.50 or −$4.32."""
    rounded = amount.quantize(Decimal("0.01"), ROUND_HALF_UP)
    return f"{MINUS if rounded < 0 else ''}${abs(rounded):,.2f}"
