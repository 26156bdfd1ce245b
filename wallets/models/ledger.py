"""The ledger: every movement of every pot, append-only. Triggers refuse to change or delete."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from accounts import clock
from accounts.kept import Rows
from wallets.models.fields import within
from wallets.models.wallet import MOST_SECONDS, Wallet


class Pot(models.TextChoices):
    CREDIT = "credit", "Credit"
    PREMIUM = "premium", "Premium minutes"
    BASIC = "basic", "Basic minutes"
    INCLUDED = "included", "Included minutes"


class LedgerEntry(models.Model):
    """One movement of one pot. Never changed: a mistake is corrected by a new entry."""

    rows = Rows.WRITTEN_ONCE

    class Kind(models.TextChoices):
        RECHARGE = "recharge", "Recharge"
        AUTO_RECHARGE = "auto_recharge", "Auto-Recharge"
        ALLOCATION = "allocation", "Monthly allocation"
        CALLS = "calls", "Calls"
        INCLUDED_GRANT = "included_grant", "Included minutes"
        INCLUDED_RESET = "included_reset", "Included minutes reset"
        ADJUSTMENT = "adjustment", "Adjustment"
        REFUND = "refund", "Refund"
        REFUND_FAILED = "refund_failed", "Refund failed"
        DISPUTE = "dispute", "Dispute"
        DISPUTE_WON = "dispute_won", "Dispute won"

    # A trigger checks it once a statement, and wallets stay.
    wallet = models.ForeignKey(
        Wallet,
        on_delete=models.PROTECT,
        related_name="entries",
        db_index=False,
        db_constraint=False,
    )
    pot = models.CharField(max_length=8, choices=Pot)
    # Positive adds, negative takes. USD for credit, whole seconds for the minute pots.
    amount = models.DecimalField(max_digits=18, decimal_places=6)
    balance_after = models.DecimalField(max_digits=18, decimal_places=6)
    kind = models.CharField(max_length=15, choices=Kind)
    # Names the cause: "purchase:<id>", "calls:<batch>", "included:2026-11-01:reset".
    key = models.CharField(max_length=120)
    purchase = models.ForeignKey(
        "wallets.Purchase",
        on_delete=models.PROTECT,
        null=True,
        related_name="entries",
        db_index=False,
    )
    reversal = models.ForeignKey(
        "wallets.Reversal",
        on_delete=models.PROTECT,
        null=True,
        related_name="entries",
        db_index=False,
    )
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        db_index=False,
    )
    # Support's own reason: no customer reads it. What they read is the other one.
    note = models.CharField(max_length=200, blank=True)
    customer_note = models.CharField(max_length=200, blank=True, db_default="")
    # When it happened, apart from when we wrote it.
    occurred_at = models.DateTimeField()
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering = ["-created_at", "-pk"]
        verbose_name_plural = "ledger entries"
        indexes = [
            models.Index(fields=["wallet", "created_at", "id"], name="ledger_statement"),
            models.Index(fields=["wallet", "-id"], name="ledger_in_order"),
            # Support looks for what is rare; nearly every entry is calls.
            models.Index(fields=["kind", "-id"], name="ledger_by_kind", condition=~Q(kind="calls")),
            models.Index(fields=["amount"], name="ledger_by_amount", condition=~Q(kind="calls")),
            models.Index(fields=["created_at", "id"], name="ledger_by_day"),
            models.Index(
                fields=["purchase"],
                name="ledger_by_purchase",
                condition=Q(purchase__isnull=False),
            ),
            models.Index(
                fields=["reversal"],
                name="ledger_by_reversal",
                condition=Q(reversal__isnull=False),
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["wallet", "pot", "key"], name="ledger_entry_posted_once_per_cause"
            ),
            models.CheckConstraint(
                name="ledger_entry_moves_something",
                condition=within("amount", low=-MOST_SECONDS, high=MOST_SECONDS) & ~Q(amount=0),
            ),
            models.CheckConstraint(
                name="ledger_minutes_never_below_zero",
                condition=Q(pot="credit", balance_after__lte=MOST_SECONDS)
                | within("balance_after", low=0, high=MOST_SECONDS),
            ),
            models.CheckConstraint(
                name="ledger_sign_matches_kind",
                condition=Q(
                    amount__gt=0,
                    kind__in=[
                        "recharge",
                        "auto_recharge",
                        "allocation",
                        "included_grant",
                        "refund_failed",
                        "dispute_won",
                    ],
                )
                | Q(amount__lt=0, kind__in=["calls", "included_reset", "refund", "dispute"])
                | Q(kind="adjustment"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.amount:+f} {self.pot}"
