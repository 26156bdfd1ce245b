"""Who sells, as it stands on receipts and credit notes from now on. Moves no money."""

from accounts.models import User
from wallets.models import Seller


def set_seller(
    *, country: str, name: str, address: str, tax_id: str, tax_sentence: str, actor: User
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
