"""Who sells, as it stands on receipts and credit notes from now on. Moves no money."""

from accounts.models import User
from wallets.models import Seller


def before(country: str) -> Seller | None:
    """Who is set for buyers of exactly this country; of an empty one, for everybody else."""
    return Seller.objects.filter(country=country).order_by("-pk").first()


def told(seller: Seller | None) -> str:
    """All that papers say of a seller, in a line."""
    if seller is None:
        return "nobody"
    tax_id = f"tax ID {seller.tax_id}" if seller.tax_id else ""
    address = ", ".join(seller.address.splitlines())
    said = (seller.name, address, tax_id, f"“{seller.tax_sentence}”")
    return ", ".join(filter(None, said))


def set_seller(
    *, country: str, name: str, address: str, tax_id: str, tax_sentence: str, actor: User | None
) -> Seller:
    """Add who sells to buyers of a country from now on; an empty one means everybody else.

    What was paid before keeps the seller it had.
    """
    return Seller.objects.create(
        country=country,
        name=name,
        address=address,
        tax_id=tax_id,
        tax_sentence=tax_sentence,
        created_by=actor,
    )
