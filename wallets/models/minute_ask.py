"""Asking an agency for minutes: what one sub-account wants once, and what its agency answered."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from accounts import clock
from accounts.models import Account
from wallets.limits import ASK_WORDS_LENGTH
from wallets.models.allocation import MOST_MINUTES
from wallets.models.purchase import Purchase
from wallets.texts import minutes_text


class MinuteAsk(models.Model):
    """One ask. While it is open, one payment at most is under way for it."""

    class State(models.TextChoices):
        OPEN = "open", "Waiting for an answer"
        GIVEN = "given", "Given"
        DECLINED = "declined", "Declined"
        WITHDRAWN = "withdrawn", "Withdrawn"
        EXPIRED = "expired", "Expired"

    agency = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="asked_for")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="minute_asks")
    basic_minutes = models.PositiveIntegerField(default=0)
    premium_minutes = models.PositiveIntegerField(default=0)
    # What they say about it, and what their agency answers when it declines.
    words = models.CharField(max_length=ASK_WORDS_LENGTH, blank=True)
    answer = models.CharField(max_length=ASK_WORDS_LENGTH, blank=True)
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    answered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    state = models.CharField(max_length=9, choices=State, default=State.OPEN)
    # The latest payment for it. One that was declined gives way to the next.
    purchase = models.OneToOneField(
        Purchase, on_delete=models.PROTECT, null=True, related_name="minute_ask"
    )
    created_at = models.DateTimeField(default=clock.now, editable=False)
    expires_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-pk"]
        indexes = [
            models.Index(fields=["account", "-id"], name="minute_asks_of_account"),
            models.Index(fields=["agency"], name="minute_asks_open", condition=Q(state="open")),
            models.Index(
                fields=["expires_at"], name="minute_asks_ending", condition=Q(state="open")
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["account"], name="one_open_ask_per_account", condition=Q(state="open")
            ),
            models.CheckConstraint(
                name="minute_ask_wants_something",
                condition=(Q(basic_minutes__gt=0) | Q(premium_minutes__gt=0))
                & Q(basic_minutes__lte=MOST_MINUTES, premium_minutes__lte=MOST_MINUTES),
            ),
            models.CheckConstraint(
                name="minute_ask_closed_says_when",
                condition=Q(state="open", closed_at=None)
                | Q(
                    state__in=["given", "declined", "withdrawn", "expired"],
                    closed_at__isnull=False,
                ),
            ),
            models.CheckConstraint(
                name="minute_ask_given_was_paid",
                condition=~Q(state="given") | Q(purchase__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.minutes} ({self.state})"

    @property
    def minutes(self) -> str:
        """What is wanted, as people read it: 500 Premium minutes."""
        return minutes_text(basic=self.basic_minutes, premium=self.premium_minutes)
