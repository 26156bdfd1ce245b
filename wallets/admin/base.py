"""What every page of wallets in the admin shares."""

from decimal import Decimal

from accounts.admin.base import ReadOnly, ReadOnlyInline
from wallets.models import Pot
from wallets.prices.amounts import dollars
from wallets.texts import signed_minutes, signed_money, usd

__all__ = ["ReadOnly", "ReadOnlyInline", "amount_of", "in_dollars"]


def amount_of(pot: str, amount: Decimal, *, signed: bool = False) -> str:
    """Dollars of credit, or minutes and seconds of a minute pot."""
    text = signed_money(amount) if pot == Pot.CREDIT else signed_minutes(amount)
    return text if signed else text.removeprefix("+")


def in_dollars(amount_cents: int | None) -> str:
    """Whole cents as people read them; a dash for none."""
    return "-" if amount_cents is None else usd(dollars(amount_cents))
