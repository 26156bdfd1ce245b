"""Comparisons of the books with Stripe: how far each has come."""

from django.db import models
from django.db.models import Q

from accounts import clock


class StripeComparison(models.Model):
    """One comparison of what happened from `since` to `until`; before `at` it is done."""

    since = models.DateTimeField()
    until = models.DateTimeField()
    at = models.DateTimeField()
    # All since the first account, as somebody asked by command; else since the last one.
    is_full = models.BooleanField(default=False)
    # How much time the next step takes in. Halved before each, doubled after it was done.
    slice_seconds = models.PositiveIntegerField()
    found = models.PositiveIntegerField(default=0)
    started_at = models.DateTimeField(default=clock.now)
    touched_at = models.DateTimeField(default=clock.now)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "comparison with Stripe"
        verbose_name_plural = "comparisons with Stripe"
        constraints = [
            models.UniqueConstraint(
                fields=["is_full"],
                name="one_comparison_at_a_time",
                condition=Q(finished_at=None),
            ),
            models.CheckConstraint(
                name="comparison_goes_forward",
                condition=Q(since__lte=models.F("at"), at__lte=models.F("until")),
            ),
        ]

    def __str__(self) -> str:
        return f"from {self.since:%-d %b %Y, %H:%M} to {self.until:%-d %b %Y, %H:%M} UTC"
