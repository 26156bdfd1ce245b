"""Monthly allocation: minutes an agency buys for one sub-account, and each month's run."""

from django.db import models
from django.db.models import Q

from accounts import clock
from accounts.models import Account, Tried, Waiting

MOST_MINUTES = 1_000_000


class AutoAllocation(Waiting):
    """What an agency buys for one sub-account each month. Both zero means stopped."""

    agency = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="allocations_paid")
    account = models.OneToOneField(
        Account, on_delete=models.PROTECT, related_name="auto_allocation"
    )
    basic_minutes = models.PositiveIntegerField(default=0)
    premium_minutes = models.PositiveIntegerField(default=0)
    payment_method = models.CharField(max_length=255)
    # The first due date, in the agency's time zone. Every period counts from it.
    anchor_date = models.DateField()
    active = models.BooleanField(default=True)
    # The month that will be left out, if any.
    skip_period = models.DateField(null=True, blank=True)
    # "Payment failed": retries are used up until the card changes or someone presses Retry now.
    failed_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    updated_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        indexes = [
            models.Index(
                fields=["failed_at"],
                name="allocations_failed",
                condition=Q(failed_at__isnull=False),
            )
        ]
        constraints = [
            models.CheckConstraint(
                name="allocation_minutes_up_to_a_million",
                condition=Q(basic_minutes__lte=MOST_MINUTES, premium_minutes__lte=MOST_MINUTES),
            ),
            models.CheckConstraint(
                name="allocation_active_buys_something",
                condition=Q(active=False) | Q(basic_minutes__gt=0) | Q(premium_minutes__gt=0),
            ),
            models.CheckConstraint(
                name="allocation_never_to_the_payer", condition=~Q(agency=models.F("account"))
            ),
        ]

    def __str__(self) -> str:
        return f"{self.basic_minutes} Basic, {self.premium_minutes} Premium a month"


class AllocationRun(Tried):
    """One month of one allocation. Its minutes and first rates are frozen when it is decided."""

    class State(models.TextChoices):
        DUE = "due", "Due"
        PAID = "paid", "Paid"
        FAILED = "failed", "Payment failed"
        MISSED = "missed", "Missed"
        SKIPPED = "skipped", "Skipped"
        CANCELED = "canceled", "Canceled"

    allocation = models.ForeignKey(AutoAllocation, on_delete=models.PROTECT, related_name="runs")
    # The due date, in the agency's time zone.
    period = models.DateField()
    basic_minutes = models.PositiveIntegerField()
    premium_minutes = models.PositiveIntegerField()
    basic_rate = models.DecimalField(max_digits=18, decimal_places=6)
    premium_rate = models.DecimalField(max_digits=18, decimal_places=6)
    amount_cents = models.PositiveIntegerField()
    charged_cents = models.PositiveIntegerField(null=True)
    state = models.CharField(max_length=10, choices=State, default=State.DUE)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True)
    error_text = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(default=clock.now)
    closed_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-period"]
        permissions = [("run_allocation", "Can run or retry a monthly allocation")]
        indexes = [
            models.Index(fields=["state", "-id"], name="allocation_runs_by_state"),
            models.Index(
                fields=["next_attempt_at"], name="allocation_runs_due", condition=Q(state="due")
            ),
            models.Index(
                fields=["look_at"], name="allocation_runs_in_turn", condition=Q(state="due")
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["allocation", "period"], name="one_run_per_allocation_and_period"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.period:%-d %b %Y}: {self.get_state_display()}"
