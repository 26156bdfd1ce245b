"""What a wallet has reserved for one call that runs, or is about to.

A wallet keeps the sums of its rows (`reserved_…`) beside its balances, those that have expired
among them until they are deleted: only `wallets.balances.holds` writes either of them.
"""

from django.db import models
from django.db.models import F, Q

from accounts.kept import Rows
from wallets.limits import CALL_ID_LENGTH, HOLD_MOST_SECONDS
from wallets.models.fields import LARGEST_AMOUNT
from wallets.models.wallet import Wallet


class CallHold(models.Model):
    """Seconds of one call, and which pot would pay them. Once expired it counts for nothing."""

    rows = Rows.MAY_GO

    wallet = models.ForeignKey(
        Wallet, on_delete=models.PROTECT, related_name="call_holds", db_index=False
    )
    # Who will report the call, and under which id: as `campaigns.Call` names both.
    reporter = models.UUIDField()
    call = models.CharField(max_length=CALL_ID_LENGTH)
    # premium, basic or premium_then_basic.
    minute_type = models.CharField(max_length=18)
    seconds = models.PositiveIntegerField()
    included_seconds = models.PositiveIntegerField()
    premium_seconds = models.PositiveIntegerField()
    basic_seconds = models.PositiveIntegerField()
    # Dollars for the seconds that no minutes pay.
    credit = models.DecimalField(max_digits=18, decimal_places=6)
    # When it was last asked for.
    held_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    class Meta:
        ordering = ["-pk"]
        indexes = [
            models.Index(fields=["wallet", "expires_at"], name="call_holds_of_a_wallet"),
            models.Index(fields=["expires_at"], name="call_holds_ending"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["reporter", "call"], name="one_hold_per_call"),
            models.CheckConstraint(
                name="call_hold_up_to_a_day",
                condition=Q(seconds__gte=1, seconds__lte=HOLD_MOST_SECONDS),
            ),
            models.CheckConstraint(
                name="call_hold_takes_at_most_its_seconds",
                condition=Q(
                    seconds__gte=F("included_seconds") + F("premium_seconds") + F("basic_seconds")
                ),
            ),
            models.CheckConstraint(
                name="call_hold_credit_in_range",
                condition=Q(credit__gte=0, credit__lte=LARGEST_AMOUNT),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.seconds} s for call {self.call}"
