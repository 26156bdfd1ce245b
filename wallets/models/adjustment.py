"""What support gives away by hand: done by one person, or asked for by one and approved by another.

One row for each deed that is worth money: the sums of a day are counted from these rows.
"""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from accounts import clock
from wallets.models.fields import within
from wallets.models.ledger import Pot
from wallets.models.wallet import MOST_SECONDS, Wallet


class AdjustmentRequest(models.Model):
    """A deed of support with its worth in dollars. What was asked never changes, nor is it undone.

    `facts` says of other kinds than adjustments what exactly is done, and in `what` how it reads.
    """

    class Kind(models.TextChoices):
        ADJUSTMENT = "adjustment", "Adjustment"
        REFUND = "refund", "Refund"
        RATE = "rate", "Rate"
        INCLUDED = "included", "Included minutes a month"

    class State(models.TextChoices):
        ALONE = "alone", "Done by one person"
        ASKED = "asked", "Waits for a second person"
        APPROVED = "approved", "Approved and done"
        REJECTED = "rejected", "Rejected"

    kind = models.CharField(
        max_length=10, choices=Kind, default=Kind.ADJUSTMENT, db_default=Kind.ADJUSTMENT
    )
    # None of a rate: it is everybody's.
    wallet = models.ForeignKey(
        Wallet, on_delete=models.PROTECT, null=True, related_name="adjustment_requests"
    )
    pot = models.CharField(max_length=8, choices=Pot, blank=True)
    # Signed as in the ledger: USD for credit, whole seconds for the minute pots. Of adjustments.
    amount = models.DecimalField(max_digits=18, decimal_places=6, null=True)
    facts = models.JSONField(null=True)
    # Dollars, when it was done or asked for. None in rows that are older than this column.
    worth = models.DecimalField(max_digits=18, decimal_places=6, null=True)
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
        verbose_name = "deed of value"
        verbose_name_plural = "deeds of value"
        permissions = [("approve_adjustment", "Can approve what another person asked for")]
        indexes = [
            models.Index(
                fields=["asked_at"], name="adjustments_waiting", condition=Q(state="asked")
            ),
            models.Index(
                fields=["asked_by", "asked_at"],
                name="done_alone_by_person",
                condition=Q(state="alone"),
            ),
            models.Index(
                fields=["wallet", "asked_at"],
                name="done_alone_in_wallet",
                condition=Q(state="alone"),
            ),
        ]
        constraints = [
            models.CheckConstraint(
                name="adjustment_request_moves_something",
                condition=within("amount", low=-MOST_SECONDS, high=MOST_SECONDS) & ~Q(amount=0),
            ),
            models.CheckConstraint(
                name="adjustment_decided_says_who_and_when",
                condition=Q(state__in=["asked", "alone"], decided_by=None, decided_at=None)
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
            models.CheckConstraint(
                name="deed_says_what_it_does",
                condition=Q(kind="adjustment", wallet__isnull=False, amount__isnull=False)
                & ~Q(pot="")
                | Q(kind__in=["refund", "included"], wallet__isnull=False, facts__isnull=False)
                | Q(kind="rate", facts__isnull=False),
            ),
            models.CheckConstraint(
                name="deed_done_alone_has_a_worth",
                condition=Q(worth__gte=0) | (Q(worth=None) & ~Q(state="alone")),
            ),
        ]

    def __str__(self) -> str:
        return self.what

    @property
    def what(self) -> str:
        """What is done, as people read it; of adjustments before `facts` in the ledger's units."""
        return self.facts["what"] if self.facts else f"{self.amount:+f} {self.pot}"
