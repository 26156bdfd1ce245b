"""The decision log: what was decided about a wallet, and the figures it rested on."""

from django.db import models

from accounts.kept import Rows
from wallets.models.wallet import Wallet


class LoggedDecision(models.Model):
    """One thing decided, or decided again and again: a repeat moves `last_at` and `times`.

    For people, and for them only: no rule ever reads it. It is in the log of the wallet whose
    people may read it, so a payer's card and price are never in the receiver's.
    """

    rows = Rows.MAY_GO

    class Subject(models.TextChoices):
        AUTO_RECHARGE = "auto_recharge", "Auto-Recharge"
        ALLOCATION = "allocation", "Monthly allocation"
        AUTOPAUSE = "autopause", "Campaigns"

    wallet = models.ForeignKey(
        Wallet, on_delete=models.PROTECT, related_name="decisions", db_index=False
    )
    subject = models.CharField(max_length=13, choices=Subject)
    # Which of its kind: a campaign's id at the voice platform, or a sub-account's. May be empty.
    about = models.CharField(max_length=120, blank=True)
    # What it is called where a sentence names it. Names of campaigns may change later.
    name = models.CharField(max_length=160, blank=True)
    code = models.CharField(max_length=24)
    # Dollars, moments and counts as texts; the sentence is made of them when it is read.
    figures = models.JSONField(default=dict)
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    times = models.PositiveIntegerField(default=1)

    class Meta:
        ordering = ["-last_at", "-pk"]
        indexes = [
            models.Index(fields=["wallet", "last_at", "id"], name="decisions_of_a_wallet"),
            models.Index(
                fields=["wallet", "subject", "about", "last_at", "id"],
                name="decisions_about_something",
            ),
            models.Index(
                fields=["wallet", "subject", "last_at", "id"], name="decisions_by_subject"
            ),
            models.Index(fields=["last_at"], name="decisions_by_age"),
        ]
        constraints = [
            models.CheckConstraint(
                name="decision_last_is_not_before_first",
                condition=models.Q(last_at__gte=models.F("first_at")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.subject} {self.about}: {self.code}".replace(" :", ":")
