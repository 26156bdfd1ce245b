"""Own alerts: what an account asked to hear of, who hears it, and what waits for Slack."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from accounts import clock
from accounts.kept import Rows
from accounts.models import Tried
from wallets.limits import ALERT_LEVEL_MOST
from wallets.models.wallet import Wallet


class Alert(Tried):
    """One thing to tell. Told once per crossing: it fires armed, and is armed again above."""

    rows = Rows.MAY_GO

    class Kind(models.TextChoices):
        BALANCE = "balance", "Balance below"
        MINUTES = "minutes", "Minutes below"
        RUNWAY = "runway", "Lasts for less than"
        DECLINE = "decline", "First declined charge"
        RATE = "rate", "A rate will rise"
        ESTIMATE = "estimate", "A charge above its estimate"

    class People(models.TextChoices):
        MANAGERS = "managers", "Owners and admins"
        EVERYONE = "everyone", "Everybody in the account"
        NOBODY = "nobody", "Nobody"

    wallet = models.ForeignKey(Wallet, on_delete=models.PROTECT, related_name="alerts")
    kind = models.CharField(max_length=10, choices=Kind)
    # Dollars, whole minutes of all types, or days; empty where something happens instead.
    level = models.DecimalField(max_digits=12, decimal_places=2, null=True)
    people = models.CharField(max_length=8, choices=People, default=People.MANAGERS)
    # Of people who need not work here; a few at most.
    addresses = models.JSONField(default=list, blank=True)
    slack = models.BooleanField(default=False)
    armed = models.BooleanField(default=True, editable=False)
    # Since when it is to be told, and in which words where they cannot be said from the balance.
    crossed_at = models.DateTimeField(null=True, editable=False)
    about = models.CharField(max_length=400, blank=True, editable=False)
    # What happened before was looked at already.
    seen_at = models.DateTimeField(default=clock.now, editable=False)
    told_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )

    class Meta:
        ordering = ["kind", "-level", "pk"]
        indexes = [
            models.Index(
                fields=["look_at"], name="alerts_untold", condition=Q(crossed_at__isnull=False)
            ),
            models.Index(fields=["kind", "armed"], name="alerts_by_kind"),
        ]
        constraints = [
            models.CheckConstraint(
                name="alert_level_where_there_is_one",
                condition=Q(
                    kind__in=["balance", "minutes", "runway"],
                    level__gt=0,
                    level__lte=ALERT_LEVEL_MOST,
                )
                | Q(kind__in=["decline", "rate", "estimate"], level=None),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.level or ''}".strip()


class SlackHook(models.Model):
    """Where an account's alerts go in Slack. Only the secret path: the host is a constant."""

    rows = Rows.MAY_GO

    wallet = models.OneToOneField(Wallet, on_delete=models.PROTECT, related_name="slack_hook")
    secret_path = models.CharField(max_length=200)
    added_at = models.DateTimeField(default=clock.now, editable=False)
    added_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    worked_at = models.DateTimeField(null=True, editable=False)
    # Slack refused, or did not answer for too long: nothing is sent until it is saved again.
    disabled_at = models.DateTimeField(null=True, editable=False)
    disabled_because = models.CharField(max_length=200, blank=True, editable=False)

    def __str__(self) -> str:
        return f"Slack of {self.wallet_id}"


class SlackMessage(Tried):
    """One message to Slack: sent, or given up. Forgotten after a month."""

    rows = Rows.MAY_GO

    wallet = models.ForeignKey(Wallet, on_delete=models.CASCADE, related_name="slack_messages")
    text = models.CharField(max_length=900)
    # A path of ours.
    link = models.CharField(max_length=200, blank=True)
    # Names the cause; the same cause is told once.
    dedupe_key = models.CharField(max_length=200)
    attempts = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    sent_at = models.DateTimeField(null=True, editable=False)
    given_up_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ["-pk"]
        indexes = [
            models.Index(
                fields=["look_at"],
                name="slack_messages_in_turn",
                condition=Q(sent_at=None, given_up_at=None),
            ),
            models.Index(fields=["wallet", "created_at"], name="slack_messages_of_wallet"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["wallet", "dedupe_key"], name="slack_is_told_once_per_cause"
            ),
        ]

    def __str__(self) -> str:
        return self.text[:60]
