"""Comparisons of the books with Stripe: how far each has come."""

from django.db import models
from django.db.models import Q

from accounts import clock
from accounts.models import InSteps


class StripeComparison(InSteps):
    """One comparison of what happened in that time."""

    # All since the first account, as somebody asked by command; else since the last one.
    is_full = models.BooleanField(default=False)
    # Of this one alone, which was away when the others were compared; empty: of all.
    cell = models.CharField(max_length=31, blank=True, db_default="")
    found = models.PositiveIntegerField(default=0)
    started_at = models.DateTimeField(default=clock.now)

    class Meta:
        verbose_name = "comparison with Stripe"
        verbose_name_plural = "comparisons with Stripe"
        constraints = [
            models.UniqueConstraint(
                fields=["is_full", "cell"],
                name="one_comparison_of_a_cell_at_a_time",
                condition=Q(finished_at=None),
            ),
            models.CheckConstraint(
                name="comparison_goes_forward",
                condition=Q(since__lte=models.F("at"), at__lte=models.F("until")),
            ),
        ]

    def __str__(self) -> str:
        span = f"from {self.since:%-d %b %Y, %H:%M} to {self.until:%-d %b %Y, %H:%M} UTC"
        return f"{span}, of cell {self.cell}" if self.cell else span
