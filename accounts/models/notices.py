"""What accounts and support staff are told."""

from datetime import datetime

from django.db import models
from django.db.models import Q

from accounts import clock
from accounts.models.accounts import Account


class Level(models.TextChoices):
    INFO = "info", "Information"
    WARNING = "warning", "Warning"
    DANGER = "danger", "Problem"


class NotificationQuerySet(models.QuerySet["Notification"]):
    def unread(self) -> "NotificationQuerySet":
        return self.filter(read_at__isnull=True)

    def mail_due(self, *, moment: datetime) -> "NotificationQuerySet":
        return self.filter(mail_due_at__lte=moment)


class Notification(models.Model):
    """One thing an account is told, in the app and (when `mail_due_at` is set) by mail."""

    class Audience(models.TextChoices):
        MANAGERS = "managers", "Owners and admins"
        EVERYONE = "everyone", "Everyone"

    account = models.ForeignKey(Account, models.CASCADE, related_name="notifications")
    kind = models.CharField(max_length=40)
    level = models.CharField(max_length=7, choices=Level, default=Level.INFO)
    text = models.CharField(max_length=1000)
    data = models.JSONField(default=dict, blank=True)
    # A path of ours, such as /payments/.
    link = models.CharField(max_length=200, blank=True)
    # Who gets the mail. In the app everyone who may see the account sees it.
    audience = models.CharField(max_length=8, choices=Audience, default=Audience.MANAGERS)
    # Names the cause; the same cause is told once.
    dedupe_key = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    read_at = models.DateTimeField(null=True, blank=True)
    # When to send, or to try again. Empty: sent, given up, or never meant to be mailed.
    mail_due_at = models.DateTimeField(null=True, blank=True)
    mail_attempts = models.PositiveSmallIntegerField(default=0)
    mailed_at = models.DateTimeField(null=True, blank=True)

    objects = NotificationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "dedupe_key"],
                condition=~Q(dedupe_key=""),
                name="an_account_is_told_once_per_cause",
            ),
            models.CheckConstraint(
                condition=Q(level__in=["info", "warning", "danger"]),
                name="notification_level_is_known",
            ),
        ]
        indexes = [
            models.Index(fields=["account", "-id"], name="notifications_newest_first"),
            models.Index(
                fields=["account"],
                condition=Q(read_at__isnull=True),
                name="notifications_unread",
            ),
            models.Index(
                fields=["mail_due_at"],
                condition=Q(mail_due_at__isnull=False),
                name="notifications_to_mail",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} for {self.account_id}"


class StaffAlert(models.Model):
    """Something support must look at. Also logged as an error and mailed to support."""

    kind = models.CharField(max_length=40)
    text = models.CharField(max_length=1000)
    data = models.JSONField(default=dict, blank=True)
    dedupe_key = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    closed_at = models.DateTimeField(null=True, blank=True)
    mail_due_at = models.DateTimeField(null=True, blank=True)
    mail_attempts = models.PositiveSmallIntegerField(default=0)
    mailed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["dedupe_key"],
                condition=~Q(dedupe_key=""),
                name="staff_are_alerted_once_per_cause",
            )
        ]
        indexes = [
            models.Index(
                fields=["mail_due_at"],
                condition=Q(mail_due_at__isnull=False),
                name="staff_alerts_to_mail",
            )
        ]

    def __str__(self) -> str:
        return self.kind
