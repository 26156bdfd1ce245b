"""What calls used, kept by day, and the sums of these days: made of calls, for reading only."""

from django.db import models

from accounts.kept import Rows
from accounts.models import Account
from campaigns.models.campaigns import Call, Campaign, MinuteUse


class UsageKept(models.Model):
    """How far an account's use is kept by day: from its first call's day to `until`, included.

    Kept are days that have ended; a call that is reported late takes them back (a trigger). Days
    are of `zone`: when the account's zone is another one, they are kept anew.
    """

    rows = Rows.MAY_GO

    account = models.OneToOneField(Account, on_delete=models.PROTECT, primary_key=True)
    zone = models.CharField(max_length=64)
    until = models.DateField()
    # The same as moments: from the first day's beginning to the last one's end.
    begins_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    # Whether the sums below have its days: older ones are summed up by a migration.
    summed = models.BooleanField(default=True, db_default=True)

    class Meta:
        verbose_name_plural = "kept usage"

    def __str__(self) -> str:
        return f"Usage until {self.until}"


class Sums(models.Model):
    """What calls of one kind used."""

    minute_type = models.CharField(max_length=18, choices=MinuteUse)
    outcome = models.CharField(max_length=13, choices=Call.Outcome)
    # Without a check: late calls take days away from the sums, and none may be refused for a wrong
    # one, which the books name.
    calls = models.BigIntegerField()
    seconds = models.BigIntegerField()
    included_seconds = models.BigIntegerField()
    premium_seconds = models.BigIntegerField()
    basic_seconds = models.BigIntegerField()
    cost = models.DecimalField(max_digits=18, decimal_places=6)

    class Meta:
        abstract = True


class UsageDay(Sums):
    """What calls of one kind used on one day: made of calls, for reading only."""

    rows = Rows.MAY_GO

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+", db_index=False)
    day = models.DateField()
    begins_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    campaign = models.ForeignKey(
        Campaign, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    calls = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "day", "campaign", "minute_type", "outcome"],
                name="usage_kept_once",
                nulls_distinct=False,
            )
        ]

    def __str__(self) -> str:
        return f"{self.calls} calls on {self.day}"


class UsageMonth(Sums):
    """What an account's kept days of one month come to, of one kind. A trigger adds and takes away
    each day that is kept or taken back, so that these are always the sums of its days."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+", db_index=False)
    # Its first day.
    month = models.DateField()
    campaign = models.ForeignKey(
        Campaign, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "month", "campaign", "minute_type", "outcome"],
                name="usage_month_once",
                nulls_distinct=False,
            )
        ]

    def __str__(self) -> str:
        return f"{self.calls} calls in {self.month:%B %Y}"


class AgencyUsageDay(Sums):
    """What the kept days of an agency and all its sub-accounts come to, each account's day by its
    own date. By the same trigger."""

    agency = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+", db_index=False)
    day = models.DateField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["agency", "day", "minute_type", "outcome"], name="agency_usage_day_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.calls} calls on {self.day}"
