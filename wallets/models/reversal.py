"""Reversals: refunds and disputes, what gives a purchase's money back."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Coalesce

from accounts import clock
from accounts.kept import Rows
from accounts.models import Tried
from wallets.models.purchase import Purchase


class ReversalQuerySet(models.QuerySet):
    def standing(self) -> "ReversalQuerySet":
        """Those whose money is, or is about to be, back with the customer."""
        return self.exclude(state="failed")


class Reversal(Tried):
    """Money on its way back. A failed refund and a won dispute end as `failed`."""

    class Kind(models.TextChoices):
        REFUND = "refund", "Refund"
        DISPUTE = "dispute", "Dispute"

    class State(models.TextChoices):
        CREATED = "created", "Decided"
        SUBMITTED = "submitted", "Processing"
        SUCCEEDED = "succeeded", "Refunded"
        FAILED = "failed", "Failed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    purchase = models.ForeignKey(Purchase, on_delete=models.PROTECT, related_name="reversals")
    kind = models.CharField(max_length=8, choices=Kind)
    amount_cents = models.PositiveIntegerField()
    state = models.CharField(max_length=10, choices=State, default=State.CREATED)
    # The refund's or the dispute's id at Stripe.
    stripe_id = models.CharField(max_length=255, null=True, unique=True)
    form_key = models.CharField(max_length=255, null=True, unique=True)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    # Support's own reason, and what the customer reads.
    reason = models.CharField(max_length=200)
    customer_note = models.CharField(max_length=200, blank=True, db_default="")
    error_text = models.CharField(max_length=300, blank=True)
    # Of a refund, once it is made: given by a trigger, and never changed.
    credit_note_number = models.BigIntegerField(null=True, unique=True, editable=False)
    credit_note_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(default=clock.now)
    closed_at = models.DateTimeField(null=True)

    objects = ReversalQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        indexes = [
            models.Index(fields=["-created_at"], name="reversals_by_day"),
            models.Index(
                fields=["look_at"],
                name="open_refunds_in_turn",
                condition=Q(kind="refund", state__in=["created", "submitted"]),
            ),
        ]
        constraints = [
            models.CheckConstraint(
                name="reversal_amount_in_range",
                condition=Q(amount_cents__gte=1, amount_cents__lte=99_999_999),
            ),
            models.UniqueConstraint(
                fields=["purchase"],
                name="one_open_refund_per_purchase",
                condition=Q(kind="refund", state__in=["created", "submitted"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} ${self.amount_cents / 100:,.2f} ({self.state})"


class CreditNoteSeries(models.Model):
    """One row: the last number that a credit note was given. The trigger that gives the next holds
    it until its transaction ends, so that none is left out. Each cell has a series of its own."""

    rows = Rows.NEVER_DELETED

    id = models.PositiveSmallIntegerField(primary_key=True)
    last = models.BigIntegerField()

    class Meta:
        verbose_name_plural = "credit note series"

    def __str__(self) -> str:
        return f"Credit notes until {self.last}"


def refunded_cents(purchase: str) -> Coalesce:
    """For an annotation: the cents of the purchase that a row leads to by this name ("pk": itself)
    that are back on the card, or about to be; 0 where none are."""
    back = (
        Reversal.objects.standing()
        .filter(purchase=models.OuterRef(purchase), kind=Reversal.Kind.REFUND)
        .order_by()
        .values("purchase")
        .annotate(cents=models.Sum("amount_cents"))
        .values("cents")
    )
    return Coalesce(models.Subquery(back, output_field=models.IntegerField()), 0)
