"""What accounts and support staff are told."""

from django.db import models
from django.db.models import Q

from accounts import clock
from accounts.kept import Rows
from accounts.limits import AGENCY_NOTICE_LENGTH
from accounts.models.accounts import Account
from accounts.models.mailed import Mailed
from accounts.models.people import User


class Level(models.TextChoices):
    INFO = "info", "Information"
    WARNING = "warning", "Warning"
    DANGER = "danger", "Problem"


class NotificationQuerySet(models.QuerySet["Notification"]):
    def unread(self) -> "NotificationQuerySet":
        return self.filter(read_at__isnull=True)


class Notification(Mailed):
    """One thing an account is told, in the app and (when `mail_due_at` is set) by mail."""

    class Audience(models.TextChoices):
        MANAGERS = "managers", "Owners and admins"
        EVERYONE = "everyone", "Everyone"
        NOBODY = "nobody", "Nobody here"

    # The index of its list leads with it, too.
    account = models.ForeignKey(
        Account, models.CASCADE, related_name="notifications", db_index=False
    )
    kind = models.CharField(max_length=40)
    level = models.CharField(max_length=7, choices=Level, default=Level.INFO)
    title = models.CharField(max_length=120)
    text = models.TextField()
    data = models.JSONField(default=dict, blank=True)
    # A path of ours, such as /payments/.
    link = models.CharField(max_length=200, blank=True)
    # Who gets the mail. In the app everyone who may see the account sees it.
    audience = models.CharField(max_length=8, choices=Audience, default=Audience.MANAGERS)
    # Addresses outside that get the same mail; none of them sees another.
    also_to = models.JSONField(default=list, db_default=[], blank=True)
    # Names the cause; the same cause is told once.
    dedupe_key = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    read_at = models.DateTimeField(null=True, blank=True)

    objects = NotificationQuerySet.as_manager()

    class Meta:
        permissions = [("resend_notification", "Can mail a notification again")]
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
        ]

    def __str__(self) -> str:
        return f"{self.kind} for {self.account_id}"


class AgencyNotice(models.Model):
    """What an agency wrote to some of its sub-accounts at once: who, what, and to how many."""

    rows = Rows.WRITTEN_ONCE

    agency = models.ForeignKey(Account, models.PROTECT, related_name="notices_sent")
    person = models.ForeignKey(User, models.PROTECT, related_name="+")
    text = models.CharField(max_length=AGENCY_NOTICE_LENGTH)
    told = models.PositiveIntegerField()
    # From the form: a repeat tells nobody again.
    form_key = models.UUIDField()
    created_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        indexes = [models.Index(fields=["agency", "created_at"], name="agency_notices_of_one")]
        constraints = [
            models.UniqueConstraint(fields=["agency", "form_key"], name="one_notice_per_form"),
            models.CheckConstraint(condition=~Q(text=""), name="agency_notice_says_something"),
        ]

    def __str__(self) -> str:
        return f"{self.agency_id} to {self.told}"


class StaffAlert(Mailed):
    """Something support must look at. Also logged as an error and mailed to support."""

    kind = models.CharField(max_length=40)
    text = models.TextField()
    data = models.JSONField(default=dict, blank=True)
    dedupe_key = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        permissions = [("close_staffalert", "Can close alerts")]
        constraints = [
            models.UniqueConstraint(
                fields=["dedupe_key"],
                condition=~Q(dedupe_key=""),
                name="staff_are_alerted_once_per_cause",
            )
        ]

    def __str__(self) -> str:
        return self.kind
