"""Campaigns and the calls they make. Calls are facts: triggers refuse to change or delete them."""

from uuid import UUID

from django.contrib.postgres.indexes import BrinIndex, GinIndex
from django.contrib.postgres.search import SearchVector
from django.db import models
from django.db.models import Q

from accounts import clock
from accounts.kept import Rows
from accounts.models import Account, Waiting
from campaigns.limits import CALL_MOST_SECONDS, EXTERNAL_ID_LENGTH, NAME_LENGTH

# An upper bound also keeps NaN out: PostgreSQL sorts it above every number.
LARGEST_COST = 1_000_000

# The reporter of calls that come from the voice platform itself, not from an account's own key.
PLATFORM = UUID(int=0)


class MinuteUse(models.TextChoices):
    """Which minutes calls use. Credit pays what the minutes do not, at the first one's rate."""

    PREMIUM = "premium", "Premium only"
    BASIC = "basic", "Basic only"
    PREMIUM_THEN_BASIC = "premium_then_basic", "Premium then Basic"


class CampaignQuerySet(models.QuerySet["Campaign"]):
    def started(self) -> "CampaignQuerySet":
        return self.filter(status=Campaign.Status.STARTED)

    def paused_for_low_balance(self) -> "CampaignQuerySet":
        return self.filter(
            status=Campaign.Status.PAUSED, pause_reason=Campaign.PauseReason.LOW_BALANCE
        )

    def locked(self) -> "CampaignQuerySet":
        """Lock the rows in primary key order, so that two callers cannot deadlock."""
        return self.order_by("pk").select_for_update(of=("self",), no_key=True)


class Campaign(Waiting):
    """A run of calls with one kind of minutes.

    Only `campaigns.lifecycle`, `pausing` and `resuming` move its status.
    """

    class Status(models.TextChoices):
        NOT_STARTED = "not_started", "Not Started"
        STARTED = "started", "Started"
        PAUSED = "paused", "Paused"
        COMPLETE = "complete", "Complete"
        ENDED = "ended", "Ended"

    class PauseReason(models.TextChoices):
        MANUAL = "manual", "Paused by you"
        LOW_BALANCE = "low_balance", "Paused: low balance"

    account = models.ForeignKey(
        Account, on_delete=models.PROTECT, related_name="campaigns", db_index=False
    )
    # The voice platform's name for it.
    external_id = models.CharField(max_length=EXTERNAL_ID_LENGTH)
    name = models.CharField(max_length=NAME_LENGTH)
    minute_type = models.CharField(max_length=18, choices=MinuteUse)
    status = models.CharField(max_length=11, choices=Status, default=Status.NOT_STARTED)
    pause_reason = models.CharField(max_length=11, choices=PauseReason, blank=True)
    paused_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    updated_at = models.DateTimeField(default=clock.now, editable=False)

    objects = CampaignQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        permissions = [
            ("pause_campaign", "Can pause campaigns of customers"),
            ("resume_campaign", "Can resume campaigns of customers"),
        ]
        indexes = [
            GinIndex(SearchVector("name", config="simple"), name="campaigns_by_words"),
            models.Index(fields=["external_id"], name="campaigns_by_external_id"),
            models.Index(fields=["status", "-id"], name="campaigns_by_status"),
            models.Index(
                fields=["account"], name="campaigns_started", condition=Q(status="started")
            ),
            models.Index(
                fields=["look_at"], name="campaigns_in_turn", condition=Q(status="started")
            ),
            models.Index(
                fields=["account"],
                name="campaigns_out_of_balance",
                condition=Q(status="paused", pause_reason="low_balance"),
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["account", "external_id"], name="one_campaign_per_external_id"
            ),
            models.CheckConstraint(
                name="campaign_status_is_known",
                condition=Q(status__in=["not_started", "started", "paused", "complete", "ended"]),
            ),
            models.CheckConstraint(
                name="campaign_minute_type_is_known",
                condition=Q(minute_type__in=["premium", "basic", "premium_then_basic"]),
            ),
            models.CheckConstraint(
                name="campaign_paused_says_why_and_when",
                condition=Q(
                    status="paused",
                    pause_reason__in=["manual", "low_balance"],
                    paused_at__isnull=False,
                )
                | (~Q(status="paused") & Q(pause_reason="", paused_at=None)),
            ),
            models.CheckConstraint(
                name="campaign_has_a_name", condition=~Q(name="") & ~Q(external_id="")
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def status_label(self) -> str:
        """What the page says: a paused campaign says why."""
        if self.status == self.Status.PAUSED:
            return self.get_pause_reason_display()
        return self.get_status_display()

    @property
    def is_started(self) -> bool:
        return self.status == self.Status.STARTED

    @property
    def is_paused(self) -> bool:
        return self.status == self.Status.PAUSED

    @property
    def is_finished(self) -> bool:
        return self.status in (self.Status.COMPLETE, self.Status.ENDED)


class Call(models.Model):
    """One finished call as it was reported, and what it took. Never changed, never deleted."""

    rows = Rows.WRITTEN_ONCE

    class Outcome(models.TextChoices):
        COMPLETED = "completed", "Completed"
        NO_ANSWER = "no_answer", "No answer"
        NO_MESSAGE = "no_message", "No message"
        LEFT_MESSAGE = "left_message", "Left message"
        FAILED = "failed", "Failed"
        ISSUE_DIALING = "issue_dialing", "Issue dialing"

    # The account whose key reported it, or PLATFORM. Ids are unique per reporter.
    reporter = models.UUIDField(default=PLATFORM)
    external_id = models.CharField(max_length=EXTERNAL_ID_LENGTH)
    # A trigger checks both once a statement; accounts and campaigns stay.
    account = models.ForeignKey(
        Account,
        on_delete=models.PROTECT,
        related_name="calls",
        db_index=False,
        db_constraint=False,
    )
    campaign = models.ForeignKey(
        Campaign,
        on_delete=models.PROTECT,
        null=True,
        related_name="calls",
        db_index=False,
        db_constraint=False,
    )
    # As the report said it (empty: it did not), and what it was charged as.
    minute_type_sent = models.CharField(max_length=18, choices=MinuteUse, blank=True)
    minute_type = models.CharField(max_length=18, choices=MinuteUse)
    seconds = models.PositiveIntegerField()
    ended_at = models.DateTimeField()
    outcome = models.CharField(max_length=13, choices=Outcome)
    # What it took from each pot: seconds, and dollars of credit.
    included_seconds = models.PositiveIntegerField()
    premium_seconds = models.PositiveIntegerField()
    basic_seconds = models.PositiveIntegerField()
    cost = models.DecimalField(max_digits=18, decimal_places=6)
    # The transaction that charged it: its ledger entries carry the key calls:<batch>.
    batch = models.UUIDField()
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["-pk"]
        indexes = [
            models.Index(fields=["account", "ended_at"], name="calls_of_an_account"),
            models.Index(
                fields=["campaign", "ended_at"],
                name="calls_of_a_campaign",
                condition=Q(campaign__isnull=False),
            ),
            # A debit leads to its calls. Batches are numbered in time: it grows at its end only.
            models.Index(fields=["batch"], name="calls_of_a_batch"),
            # The books prove a day: it costs a write nothing, for calls are written in time.
            BrinIndex(fields=["created_at"], name="calls_by_day", autosummarize=True),
        ]
        constraints = [
            models.UniqueConstraint(fields=["reporter", "external_id"], name="call_recorded_once"),
            models.CheckConstraint(
                name="call_seconds_up_to_a_day", condition=Q(seconds__lte=CALL_MOST_SECONDS)
            ),
            models.CheckConstraint(
                name="call_takes_at_most_its_seconds",
                condition=Q(
                    seconds__gte=models.F("included_seconds")
                    + models.F("premium_seconds")
                    + models.F("basic_seconds")
                ),
            ),
            models.CheckConstraint(
                name="call_cost_in_range", condition=Q(cost__gte=0, cost__lte=LARGEST_COST)
            ),
            models.CheckConstraint(
                name="call_minute_type_is_known",
                condition=Q(minute_type__in=["premium", "basic", "premium_then_basic"]),
            ),
            models.CheckConstraint(
                name="call_outcome_is_known",
                condition=Q(
                    outcome__in=[
                        "completed",
                        "no_answer",
                        "no_message",
                        "left_message",
                        "failed",
                        "issue_dialing",
                    ]
                ),
            ),
            models.CheckConstraint(
                name="call_that_failed_is_free",
                condition=~Q(outcome__in=["failed", "issue_dialing"])
                | Q(included_seconds=0, premium_seconds=0, basic_seconds=0, cost=0),
            ),
        ]

    def __str__(self) -> str:
        return f"Call {self.external_id}, {self.seconds} s"

    @property
    def minute_seconds(self) -> int:
        """What minutes paid, of whichever pot; credit paid the rest."""
        return self.included_seconds + self.premium_seconds + self.basic_seconds
