"""Looking for refunds and disputes that no event told: how far each look has come."""

from django.db import models
from django.db.models import Q

from accounts.models import InSteps


class CatchUp(InSteps):
    """One look at what Stripe knows of that time."""

    # How many refunds and disputes of ours were seen.
    known = models.PositiveIntegerField(default=0)

    class Meta:
        verbose_name = "catching up"
        verbose_name_plural = "catching up"
        constraints = [
            # One at a time: NULL is no value to PostgreSQL, so the condition does it.
            models.UniqueConstraint(
                models.Value(1), name="one_catch_up_at_a_time", condition=Q(finished_at=None)
            ),
            models.CheckConstraint(
                name="catch_up_goes_forward",
                condition=Q(since__lte=models.F("at"), at__lte=models.F("until")),
            ),
        ]

    def __str__(self) -> str:
        return f"from {self.since:%-d %b %Y} to {self.until:%-d %b %Y}"
