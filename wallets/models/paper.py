"""Who sells and who buys, as it stands on papers: set by support, and frozen when one is paid."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from accounts import clock
from accounts.kept import Rows
from accounts.models.accounts import COUNTRY
from wallets.models.purchase import Purchase


class Seller(models.Model):
    """Who sells to buyers of a country; of none: to everybody else. The newest row is in force."""

    rows = Rows.WRITTEN_ONCE

    country = models.CharField(max_length=2, blank=True, validators=[COUNTRY])
    name = models.CharField(max_length=120)
    address = models.CharField(max_length=400, blank=True)
    tax_id = models.CharField("tax id", max_length=40, blank=True)
    # What a paper says of tax, such as "No tax charged".
    tax_sentence = models.CharField(max_length=200)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )

    class Meta:
        ordering = ["country", "-pk"]
        permissions = [("set_seller", "Can set who sells, as it stands on papers")]
        indexes = [models.Index(fields=["country", "-id"], name="sellers_by_country")]

    def __str__(self) -> str:
        return f"{self.name} for {self.country or 'everybody else'}"


class Parties(models.Model):
    """Seller and buyer of a paid purchase as they were when it was paid."""

    rows = Rows.WRITTEN_ONCE

    purchase = models.OneToOneField(
        Purchase, on_delete=models.PROTECT, primary_key=True, related_name="parties"
    )
    # Empty with its sentence, while support had set no seller.
    seller_name = models.CharField(max_length=120, blank=True)
    seller_address = models.CharField(max_length=400, blank=True)
    seller_tax_id = models.CharField(max_length=40, blank=True)
    tax_sentence = models.CharField(max_length=200, blank=True)
    buyer_name = models.CharField(max_length=120)
    buyer_address = models.CharField(max_length=400, blank=True)
    buyer_country = models.CharField(max_length=2, blank=True)
    buyer_tax_id = models.CharField(max_length=40, blank=True)

    class Meta:
        verbose_name_plural = "parties"
        indexes = [
            models.Index(
                fields=["buyer_country"], name="parties_unnamed", condition=Q(seller_name="")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.seller_name} to {self.buyer_name}"
