"""Who sells and who buys, on receipts and credit notes: as they are now, and as they were."""

from accounts import clock
from accounts.models import Account
from wallets.models import Parties, Purchase, Seller


def freeze(purchase: Purchase) -> None:
    """Keep both as they are at this moment. In the transaction that marks it paid."""
    now(purchase).save(force_insert=True)


def of(purchase: Purchase) -> Parties:
    """Both as they were when it was paid; of a purchase that is older than this, as they are.

    Paid before support had set a seller: the first that was set afterwards, for good.
    """
    kept = Parties.objects.filter(purchase=purchase).first()
    if kept is None:
        return now(purchase)
    if not kept.seller_name and (first := first_after(kept)):
        _name(kept, first)
    return kept


def now(purchase: Purchase) -> Parties:
    """Both as they are now, the seller's part empty while support has set none. Not saved."""
    buyer = purchase.payer
    found = Parties(
        purchase=purchase,
        buyer_name=buyer.billing_name or buyer.name,
        buyer_address=buyer.billing_address,
        buyer_country=buyer.billing_country,
        buyer_tax_id=buyer.tax_id,
    )
    if seller := seller_for(buyer):
        _name(found, seller)
    return found


def _name(found: Parties, seller: Seller) -> None:
    found.seller_name, found.seller_address = seller.name, seller.address
    found.seller_tax_id, found.tax_sentence = seller.tax_id, seller.tax_sentence


def must_ask(buyer: Account) -> bool:
    """Whether somebody is to be asked whom to bill: once, before the first payment."""
    told = (buyer.billing_name, buyer.billing_address, buyer.billing_country, buyer.tax_id)
    if buyer.billing_asked_at or any(told):
        return False
    return not Purchase.objects.filter(payer=buyer, state=Purchase.State.SUCCEEDED).exists()


def was_asked(buyer: Account) -> None:
    """They answered or skipped it: nobody is asked again. Safe to repeat."""
    Account.objects.filter(pk=buyer.pk, billing_asked_at=None).update(billing_asked_at=clock.now())


def seller_for(buyer: Account) -> Seller | None:
    """Who sells to buyers of this one's country, or to everybody else; None until support says."""
    for country in dict.fromkeys((buyer.billing_country, "")):
        if found := Seller.objects.filter(country=country).order_by("-pk").first():
            return found
    return None


def first_after(kept: Parties) -> Seller | None:
    """Who was set first for a paper that was paid while nobody was. Sellers are never changed."""
    countries = {kept.buyer_country, ""}
    return Seller.objects.filter(country__in=countries).order_by("pk").first()
