"""Cards that people show us, counted so that nobody tries out stolen ones here."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from accounts import clock
from accounts.kept import Rows
from accounts.models import Account
from wallets.models.purchase import OPEN_STATES, Purchase


class CardAttemptQuerySet(models.QuerySet):
    def counted(self) -> "CardAttemptQuerySet":
        """Pages that save a card, and what a person asked a card to pay and was declined."""
        return self.filter(Q(purchase=None) | Q(purchase__state=Purchase.State.DECLINED))

    def undecided(self) -> "CardAttemptQuerySet":
        """Payments that may yet be declined."""
        return self.filter(purchase__state__in=OPEN_STATES)


class CardAttempt(models.Model):
    """A page that saves a card was opened, or (with `purchase`) a person asked for a charge."""

    rows = Rows.WRITTEN_ONCE

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="card_attempts")
    # None for a program with a key, which acts for whoever calls it.
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    address = models.GenericIPAddressField(null=True)
    purchase = models.ForeignKey(
        Purchase, on_delete=models.PROTECT, null=True, related_name="card_attempts"
    )
    created_at = models.DateTimeField(default=clock.now)

    objects = CardAttemptQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        indexes = [
            models.Index(fields=["account", "created_at"], name="card_attempts_of_account"),
            models.Index(fields=["person", "created_at"], name="card_attempts_of_person"),
            models.Index(fields=["address", "created_at"], name="card_attempts_of_address"),
        ]

    def __str__(self) -> str:
        return f"{'Payment' if self.purchase_id else 'New card'} of {self.account_id}"
