"""What every page of wallets in the admin shares."""

from accounts.admin.base import ReadOnly, ReadOnlyInline
from wallets.pricing import dollars
from wallets.texts import usd

__all__ = ["ReadOnly", "ReadOnlyInline", "in_dollars"]


def in_dollars(amount_cents: int | None) -> str:
    """Whole cents as people read them; a dash for none."""
    return "-" if amount_cents is None else usd(dollars(amount_cents))
