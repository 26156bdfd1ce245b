"""Outgoing webhooks: where to, what happened, and what became of telling it.

Triggers of every app write events in the transaction that changes a row (`accounts_tell_webhooks`).
"""

import uuid

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from accounts import clock
from accounts.kept import Rows
from accounts.models.accounts import Account


class WebhookEndpoint(models.Model):
    """An address of a customer's that hears of events. An agency's hears of its sub-accounts."""

    rows = Rows.MAY_GO

    class Format(models.TextChoices):
        STANDARD = "standard", "Standard Webhooks"
        SLACK = "slack", "Slack message"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey(Account, models.CASCADE, related_name="webhook_endpoints")
    # Of Slack, and of many others, whoever knows it may send there.
    url = models.CharField("address", max_length=500)
    description = models.CharField(max_length=120, blank=True)
    # The types it hears of; empty: all, later ones too.
    events = ArrayField(models.CharField(max_length=40), default=list, blank=True)
    format = models.CharField(max_length=8, choices=Format, default=Format.STANDARD)
    # What signs: `whsec_…`. Those it replaced sign beside it, each until its moment.
    secret = models.CharField(max_length=80)
    old_secrets = models.JSONField(default=list, blank=True)
    paused_at = models.DateTimeField(null=True, editable=False)
    # By us, and why; by saving or resuming it goes on.
    disabled_at = models.DateTimeField(null=True, editable=False)
    disabled_because = models.CharField(max_length=200, blank=True, editable=False)
    worked_at = models.DateTimeField(null=True, editable=False)
    # Since when nothing it was sent was taken.
    troubled_since = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )

    class Meta:
        ordering = ["created_at", "pk"]

    def __str__(self) -> str:
        return self.description or f"Webhook {self.pk}"

    @property
    def is_slack(self) -> bool:
        return self.format == self.Format.SLACK


class WebhookEvent(models.Model):
    """One thing that happened, as the row was then. Forgotten after a month."""

    rows = Rows.MAY_GO

    # What receivers know it, and repeats of it, by.
    message = models.CharField(max_length=40, unique=True)
    # Whom it is about; nobody alone when it is about everybody.
    account = models.ForeignKey(Account, models.CASCADE, null=True, related_name="+")
    only_agency = models.BooleanField(default=False, db_default=False)
    kind = models.CharField(max_length=40)
    # Columns of the row that changed; what is sent of them is in `data`.
    facts = models.JSONField()
    data = models.JSONField(null=True)
    # Grows in the order in which events could be seen. Without one, nobody was told of it yet.
    sequence = models.BigIntegerField(null=True, unique=True)
    created_at = models.DateTimeField(default=clock.now, db_default=Now())

    class Meta:
        indexes = [
            models.Index(
                fields=["id"], name="webhook_events_new", condition=Q(sequence__isnull=True)
            ),
            models.Index(fields=["created_at"], name="webhook_events_by_age"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.message}"


class WebhookDelivery(models.Model):
    """An event on its way to one endpoint."""

    rows = Rows.MAY_GO

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        SENT = "sent", "Delivered"
        FAILED = "failed", "Failed"

    endpoint = models.ForeignKey(
        WebhookEndpoint, models.CASCADE, related_name="deliveries", db_index=False
    )
    event = models.ForeignKey(WebhookEvent, models.CASCADE, related_name="deliveries")
    # Whom the event is about, and its sequence: what is earlier of the same goes first.
    about = models.CharField(max_length=36, blank=True)
    sequence = models.BigIntegerField()
    # Asked for by a person (again, or as a test): waits for no other, and no other waits for it.
    alone = models.BooleanField(default=False, db_default=False)
    state = models.CharField(max_length=7, choices=State, default=State.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_at = models.DateTimeField(default=clock.now)
    # Somebody is sending it, and will have ended by then.
    claimed_until = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering = ["-pk"]
        verbose_name_plural = "webhook deliveries"
        indexes = [
            models.Index(fields=["next_at"], name="webhooks_in_turn", condition=Q(state="waiting")),
            models.Index(
                fields=["endpoint", "next_at"],
                name="webhooks_of_endpoint_in_turn",
                condition=Q(state="waiting"),
            ),
            models.Index(
                fields=["endpoint", "about", "sequence"],
                name="webhooks_in_order",
                condition=Q(state="waiting", alone=False),
            ),
            models.Index(
                fields=["endpoint", "claimed_until"],
                name="webhooks_under_way",
                condition=Q(claimed_until__isnull=False),
            ),
            models.Index(F("endpoint"), F("id").desc(), name="webhooks_of_endpoint"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["endpoint", "event"], name="one_delivery_per_event"),
            models.CheckConstraint(
                name="webhook_sent_says_when",
                condition=Q(state="sent", sent_at__isnull=False) | ~Q(state="sent"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event_id} to {self.endpoint_id}: {self.get_state_display()}"


class WebhookAttempt(models.Model):
    """One try of a delivery: when, what was answered, and how long it took."""

    rows = Rows.MAY_GO

    delivery = models.ForeignKey(WebhookDelivery, models.CASCADE, related_name="tries")
    at = models.DateTimeField()
    took_ms = models.PositiveIntegerField()
    status = models.PositiveSmallIntegerField(null=True)
    # Why there was no answer, or none that counts; in a sentence.
    error = models.CharField(max_length=200, blank=True)
    # The first bytes.
    answer = models.CharField(max_length=1000, blank=True)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.status or self.error} after {self.took_ms} ms"


class WebhookSender(models.Model):
    """Whose turn it is to send: one worker at a time, until it says so or has died."""

    id = models.PositiveSmallIntegerField(primary_key=True)
    token = models.UUIDField(null=True)
    until = models.DateTimeField()

    def __str__(self) -> str:
        return f"until {self.until}"
