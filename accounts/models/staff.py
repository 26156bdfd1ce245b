"""What support staff did and why, and who changed rights, keys, rates and settings."""

from django.db import models
from django.db.models import Q

from accounts import clock
from accounts.kept import Rows
from accounts.models.accounts import Account
from accounts.models.people import User


class StaffAction(models.Model):
    """One thing a member of staff did to an account, with the reason. Final once it has ended."""

    class State(models.TextChoices):
        STARTED = "started", "Started"
        DONE = "done", "Done"
        REFUSED = "refused", "Refused"

    actor = models.ForeignKey(User, models.PROTECT, related_name="+")
    account = models.ForeignKey(
        Account, models.PROTECT, null=True, related_name="staff_actions", db_index=False
    )
    kind = models.CharField(max_length=40)
    # What it was done to: "purchase 5f0c…", and where staff can look at it.
    subject = models.CharField(max_length=120)
    link = models.CharField(max_length=200, blank=True)
    facts = models.JSONField(default=dict)
    reason = models.CharField(max_length=200)
    # A form acts once. A refused one may be corrected and sent again.
    form_key = models.CharField(max_length=64, null=True, unique=True)
    state = models.CharField(max_length=7, choices=State, default=State.STARTED)
    result = models.CharField(max_length=400, blank=True)
    address = models.GenericIPAddressField(null=True)
    request_id = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(default=clock.now)
    closed_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-pk"]
        indexes = [
            models.Index(fields=["account", "-created_at"], name="staff_actions_of_account"),
        ]
        constraints = [
            models.CheckConstraint(condition=~Q(reason=""), name="staff_action_has_a_reason"),
            models.CheckConstraint(
                condition=Q(state="started", closed_at=None)
                | Q(state__in=["done", "refused"], closed_at__isnull=False),
                name="staff_action_ended_says_when",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind.replace('_', ' ').capitalize()}: {self.subject}"


class AuditEntry(models.Model):
    """One row of a watched table that changed. Written by triggers, whoever changes it and how.

    `at` is the database's own clock. Secrets are shown as “(secret)”.
    """

    rows = Rows.WRITTEN_ONCE

    class Operation(models.TextChoices):
        INSERT = "insert", "Added"
        UPDATE = "update", "Changed"
        DELETE = "delete", "Deleted"
        TRUNCATE = "truncate", "Emptied"

    at = models.DateTimeField()
    table = models.CharField(max_length=63)
    operation = models.CharField(max_length=8, choices=Operation)
    row = models.CharField(max_length=64)
    account_id = models.UUIDField(null=True)
    # Of a change only the columns that differ.
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    # Kept as text as well: a foreign key would hinder or rewrite history.
    actor_id = models.BigIntegerField(null=True)
    actor = models.CharField(max_length=254, blank=True)
    address = models.CharField(max_length=45, blank=True)
    request_id = models.CharField(max_length=64, blank=True)
    # The database's user: tells who, when no request of ours did it.
    database_user = models.CharField(max_length=63)

    class Meta:
        ordering = ["-pk"]
        verbose_name_plural = "audit log"
        indexes = [
            models.Index(
                fields=["account_id", "-at"],
                name="audit_of_account",
                condition=Q(account_id__isnull=False),
            ),
            models.Index(fields=["table", "-id"], name="audit_of_table"),
            models.Index(fields=["at"], name="audit_by_age"),
            models.Index(fields=["row"], name="audit_of_row"),
            models.Index(fields=["request_id"], name="audit_of_request"),
            models.Index(
                fields=["actor"], name="audit_of_actor", opclasses=["varchar_pattern_ops"]
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_operation_display()} {self.table} {self.row}"


class JobRun(models.Model):
    """When a job of the clock last ended, and how: one row a job, overwritten."""

    name = models.CharField(max_length=40, primary_key=True)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    ok = models.BooleanField(default=False)
    text = models.CharField(max_length=300, blank=True)

    def __str__(self) -> str:
        return self.name
