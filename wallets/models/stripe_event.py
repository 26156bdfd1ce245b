"""The inbox of Stripe's events: recorded first, applied afterwards, each at most once."""

from django.db import models
from django.db.models import Q

from accounts import clock
from accounts.models import Waiting


class StripeEventQuerySet(models.QuerySet):
    def waiting(self) -> "StripeEventQuerySet":
        return self.filter(applied_at=None, given_up_at=None)


class StripeEvent(Waiting):
    event_id = models.CharField(max_length=255, unique=True)
    type = models.CharField(max_length=100)
    payload = models.JSONField()
    received_at = models.DateTimeField(default=clock.now)
    applied_at = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(default=clock.now)
    error = models.CharField(max_length=500, blank=True)
    given_up_at = models.DateTimeField(null=True)
    # It was about something at Stripe that is none of our business: kept, and done.
    not_ours = models.BooleanField(default=False, db_default=False)

    objects = StripeEventQuerySet.as_manager()

    class Meta:
        ordering = ["-received_at"]
        permissions = [("apply_stripeevent", "Can have an event applied again")]
        indexes = [
            models.Index(
                fields=["look_at"],
                name="events_in_turn",
                condition=Q(applied_at=None, given_up_at=None),
            ),
            models.Index(
                fields=["next_attempt_at"],
                name="events_waiting",
                condition=Q(applied_at=None, given_up_at=None),
            ),
            models.Index(
                fields=["-id"], name="events_not_applied", condition=Q(applied_at__isnull=True)
            ),
            models.Index(
                fields=["given_up_at"],
                name="events_given_up",
                condition=Q(given_up_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.event_id}"
