"""Who sells and who buys, on receipts and credit notes: as they are now, and as they were."""

from django.conf import settings

from accounts import clock
from accounts.models import Account
from wallets.models import Parties, Purchase, Seller

# What stands there until support has set a seller.
UNSET_NAME = "thinkrr.ai"
NO_TAX = "No tax charged"


def freeze(purchase: Purchase) -> None:
    """Keep both as they are at this moment. In the transaction that marks it paid."""
    now(purchase).save(force_insert=True)


def of(purchase: Purchase) -> Parties:
    """Both as they were when it was paid; of a purchase that is older than this, as they are."""
    return Parties.objects.filter(purchase=purchase).first() or now(purchase)


def now(purchase: Purchase) -> Parties:
    """Both as they are now. Not saved."""
    buyer = purchase.payer
    seller = seller_for(buyer)
    return Parties(
        purchase=purchase,
        seller_name=seller.name,
        seller_address=seller.address,
        seller_tax_id=seller.tax_id,
        tax_sentence=seller.tax_sentence,
        buyer_name=buyer.billing_name or buyer.name,
        buyer_address=buyer.billing_address,
        buyer_country=buyer.billing_country,
        buyer_tax_id=buyer.tax_id,
    )


def must_ask(buyer: Account) -> bool:
    """Whether somebody is to be asked whom to bill: once, before the first payment."""
    told = (buyer.billing_name, buyer.billing_address, buyer.billing_country, buyer.tax_id)
    if buyer.billing_asked_at or any(told):
        return False
    return not Purchase.objects.filter(payer=buyer, state=Purchase.State.SUCCEEDED).exists()


def was_asked(buyer: Account) -> None:
    """They answered or skipped it: nobody is asked again. Safe to repeat."""
    Account.objects.filter(pk=buyer.pk, billing_asked_at=None).update(billing_asked_at=clock.now())


def seller_for(buyer: Account) -> Seller:
    """Who sells to buyers of this one's country, or to everybody else."""
    for country in dict.fromkeys((buyer.billing_country, "")):
        if found := Seller.objects.filter(country=country).order_by("-pk").first():
            return found
    return Seller(name=getattr(settings, "SELLER", UNSET_NAME), tax_sentence=NO_TAX)
