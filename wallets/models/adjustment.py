"""Adjustments too large for one person: asked for by one, approved by another."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from accounts import clock
from wallets.models.fields import within
from wallets.models.ledger import Pot
from wallets.models.wallet import MOST_SECONDS, Wallet


class AdjustmentRequest(models.Model):
    class State(models.TextChoices):
        ASKED = "asked", "Waits for a second person"
        APPROVED = "approved", "Approved and posted"
        REJECTED = "rejected", "Rejected"

    wallet = models.ForeignKey(Wallet, on_delete=models.PROTECT, related_name="adjustment_requests")
    pot = models.CharField(max_length=8, choices=Pot)
    # Signed as in the ledger: USD for credit, whole seconds for the minute pots.
    amount = models.DecimalField(max_digits=18, decimal_places=6)
    note = models.CharField(max_length=200)
    form_key = models.CharField(max_length=100, unique=True)
    state = models.CharField(max_length=8, choices=State, default=State.ASKED)
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    asked_at = models.DateTimeField(default=clock.now)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    decided_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-pk"]
        permissions = [("approve_adjustment", "Can approve what another person asked for")]
        indexes = [
            models.Index(
                fields=["asked_at"], name="adjustments_waiting", condition=Q(state="asked")
            )
        ]
        constraints = [
            models.CheckConstraint(
                name="adjustment_request_moves_something",
                condition=within("amount", low=-MOST_SECONDS, high=MOST_SECONDS) & ~Q(amount=0),
            ),
            models.CheckConstraint(
                name="adjustment_decided_says_who_and_when",
                condition=Q(state="asked", decided_by=None, decided_at=None)
                | Q(
                    state__in=["approved", "rejected"],
                    decided_by__isnull=False,
                    decided_at__isnull=False,
                ),
            ),
            models.CheckConstraint(
                name="adjustment_approved_by_somebody_else",
                condition=~Q(state="approved") | ~Q(decided_by=F("asked_by")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.amount:+f} {self.pot}"
