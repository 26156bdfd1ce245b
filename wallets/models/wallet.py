"""Wallets: what an account has to pay its calls with.

The four pots are running totals kept for speed. The ledger is the truth: a pot always equals
the sum of its entries. Only `wallets.balances.ledger` writes either of them.
"""

from decimal import Decimal

from django.db import models
from django.db.models import Q

from accounts.models import Account
from wallets.models.fields import MoneyField, within

BALANCES = frozenset({"credit", "premium_seconds", "basic_seconds", "included_seconds"})
# Sums of what is reserved for calls that run, kept by `wallets.balances.holds`.
RESERVED = frozenset({"reserved_calls", *(f"reserved_{pot}" for pot in BALANCES)})
MOST_SECONDS = 10**12


class WalletQuerySet(models.QuerySet):
    def locked(self) -> "WalletQuerySet":
        """Lock the rows in primary key order, so that two callers cannot deadlock.

        Without `no_key`, every insert that references the wallet would wait.
        """
        return self.order_by("pk").select_for_update(of=("self",), no_key=True)


class Wallet(models.Model):
    """One per account: USD credit, and seconds of Premium, Basic and Included minutes."""

    class Blocked(models.TextChoices):
        DISPUTED = "disputed", "A payment was disputed"
        BOOKS = "books", "The books did not agree"
        SUPPORT = "support", "Blocked by support"

    account = models.OneToOneField(Account, on_delete=models.PROTECT, related_name="wallet")
    # May go below zero: a call that happened is charged.
    credit = MoneyField(default=0, editable=False)
    premium_seconds = models.BigIntegerField(default=0, editable=False)
    basic_seconds = models.BigIntegerField(default=0, editable=False)
    included_seconds = models.BigIntegerField(default=0, editable=False)
    # What holds reserve of each pot, and how many there are: with those that have expired and are
    # not deleted yet.
    reserved_calls = models.IntegerField(default=0, db_default=0, editable=False)
    reserved_credit = models.DecimalField(
        max_digits=18, decimal_places=6, default=0, db_default=0, editable=False
    )
    reserved_premium_seconds = models.BigIntegerField(default=0, db_default=0, editable=False)
    reserved_basic_seconds = models.BigIntegerField(default=0, db_default=0, editable=False)
    reserved_included_seconds = models.BigIntegerField(default=0, db_default=0, editable=False)
    # A Stripe id. The account's first card becomes it.
    default_payment_method = models.CharField(max_length=255, blank=True)
    # Tried once when the card that was to be charged by itself is declined; empty for none.
    backup_payment_method = models.CharField(max_length=255, blank=True, db_default="")
    # Blocked wallets get no automatic charges.
    blocked_at = models.DateTimeField(null=True, blank=True)
    blocked_reason = models.CharField(max_length=20, choices=Blocked, blank=True)

    objects = WalletQuerySet.as_manager()

    class Meta:
        permissions = [
            ("adjust_wallet", "Can adjust balances"),
            ("grant_included", "Can grant Included minutes"),
            ("set_included", "Can change how many Included minutes come with a plan"),
            ("unblock_wallet", "Can lift a block"),
        ]
        indexes = [
            models.Index(
                fields=["blocked_at"],
                name="wallets_blocked",
                condition=Q(blocked_at__isnull=False),
            ),
        ]
        constraints = [
            models.CheckConstraint(name="wallet_credit_in_range", condition=within("credit")),
            models.CheckConstraint(
                name="wallet_minutes_never_negative",
                condition=within("premium_seconds", low=0, high=MOST_SECONDS)
                & within("basic_seconds", low=0, high=MOST_SECONDS)
                & within("included_seconds", low=0, high=MOST_SECONDS),
            ),
            models.CheckConstraint(
                name="wallet_blocked_has_a_reason",
                condition=Q(blocked_at=None, blocked_reason="")
                | (Q(blocked_at__isnull=False) & ~Q(blocked_reason="")),
            ),
        ]

    def __str__(self) -> str:
        return f"Wallet of {self.account}"

    def save(self, **kwargs) -> None:
        """Save everything but the balances, which may have moved since this row was read."""
        if not self._state.adding:
            columns = {f.name for f in self._meta.concrete_fields if not f.primary_key}
            wanted = set(kwargs.get("update_fields") or columns)
            kwargs["update_fields"] = wanted - BALANCES - RESERVED
        super().save(**kwargs)

    @property
    def pots(self) -> dict[str, Decimal | int]:
        """What each pot holds: dollars of credit, whole seconds of minutes."""
        return {
            "credit": self.credit.amount,
            "premium": self.premium_seconds,
            "basic": self.basic_seconds,
            "included": self.included_seconds,
        }

    @property
    def reserved(self) -> dict[str, Decimal | int] | None:
        """What is kept as reserved of each pot, expired holds among it; None without any."""
        if not self.reserved_calls:
            return None
        return {
            "credit": self.reserved_credit,
            "premium": self.reserved_premium_seconds,
            "basic": self.reserved_basic_seconds,
            "included": self.reserved_included_seconds,
        }

    def held(self, pot: str) -> Decimal | int:
        """What one pot holds: dollars of credit, whole seconds of minutes."""
        return self.credit.amount if pot == "credit" else getattr(self, f"{pot}_seconds")
