"""Auto-Recharge: threshold, amount and on/off, per wallet, set by the account itself."""

from collections.abc import Callable, Collection
from datetime import datetime
from decimal import Decimal

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from djmoney.money import Money

from accounts import clock
from accounts.models import Tried
from accounts.runtime import statements
from accounts.runtime.columns import column
from wallets.limits import CEILING_AT_LEAST, CEILING_TIMES, LOW_BALANCE_REARM, MINUTES_LEVEL
from wallets.models.fields import MoneyField, within
from wallets.models.wallet import Wallet

_HELD = "(w.premium_seconds + w.basic_seconds + w.included_seconds)"
_LEVEL = "(60 * COALESCE(ar.minutes_level, %(minutes)s))"

# Both tables are asked for the same wallets: so neither is read as a whole, however few they are.
WATCH = f"""
UPDATE wallets_autorecharge AS ar
SET due_since = CASE WHEN ar.enabled AND w.credit < ar.threshold
                     THEN COALESCE(ar.due_since, %(now)s) END,
    low_armed = w.credit >= ar.threshold * %(rearm)s
                OR (w.credit >= ar.threshold
                    AND (ar.low_armed OR ar.low_since IS NOT NULL
                         OR w.id = ANY(%(paid)s::bigint[]))),
    low_since = CASE WHEN w.credit >= ar.threshold THEN NULL
                     WHEN ar.low_armed THEN %(now)s
                     ELSE ar.low_since END,
    minutes_armed = {_LEVEL} > 0 AND ({_HELD} >= {_LEVEL} * %(rearm)s
                OR ({_HELD} >= {_LEVEL} AND (ar.minutes_armed OR ar.minutes_low_since IS NOT NULL
                                           OR w.id = ANY(%(filled)s::bigint[])))),
    minutes_low_since = CASE WHEN {_HELD} >= {_LEVEL} OR w.credit >= ar.threshold THEN NULL
                             WHEN ar.minutes_armed THEN %(now)s
                             ELSE ar.minutes_low_since END,
    look_at = CASE WHEN ar.due_since IS NULL AND ar.enabled AND w.credit < ar.threshold
                   THEN %(now)s ELSE ar.look_at END,
    low_look_at = CASE WHEN ar.low_armed AND w.credit < ar.threshold
                       THEN %(now)s ELSE ar.low_look_at END,
    minutes_look_at = CASE WHEN ar.minutes_armed AND {_HELD} < {_LEVEL}
                           THEN %(now)s ELSE ar.minutes_look_at END
FROM wallets_wallet AS w
WHERE w.id = ar.wallet_id
  AND w.id = ANY(%(wallets)s::bigint[])
  AND ar.wallet_id = ANY(%(wallets)s::bigint[])
  AND ((ar.enabled AND w.credit < ar.threshold) <> (ar.due_since IS NOT NULL)
       OR (ar.low_armed AND w.credit < ar.threshold)
       OR (NOT ar.low_armed AND w.credit >= ar.threshold
           AND (w.credit >= ar.threshold * %(rearm)s OR ar.low_since IS NOT NULL
                OR w.id = ANY(%(paid)s::bigint[])))
       OR (ar.minutes_armed AND {_HELD} < {_LEVEL})
       OR (NOT ar.minutes_armed AND {_LEVEL} > 0 AND {_HELD} >= {_LEVEL}
           AND ({_HELD} >= {_LEVEL} * %(rearm)s OR ar.minutes_low_since IS NOT NULL
                OR w.id = ANY(%(filled)s::bigint[])))
       OR (ar.minutes_low_since IS NOT NULL AND w.credit >= ar.threshold))
RETURNING w.id, ar.due_since IS NOT NULL, ar.low_since IS NOT NULL,
          ar.minutes_low_since IS NOT NULL
"""  # nosec B608 # names of ours


def default_ceiling(*, amount: Decimal) -> Decimal:
    """Dollars a day of an account that set none: ten times what one recharge adds, or $500."""
    return max(CEILING_TIMES * amount, CEILING_AT_LEAST)


class AutoRechargeQuerySet(models.QuerySet):
    def watch(
        self,
        *,
        wallet_ids: Collection[int],
        now: datetime,
        paid: Collection[int] = (),
        filled: Collection[int] = (),
    ) -> Callable[[], tuple[list[int], list[int], list[int]]]:
        """Note which of these wallets fell below their threshold, or rose above it again.

        Call with the wallets locked, after they moved; `paid` are those that a payment moved,
        `filled` those that got minutes. Returns what tells, when it is called, those that newly
        want an Auto-Recharge, those whose people should hear of a low balance, unless Auto-Recharge
        is about to charge, and those whose minutes are about to run out while credit is low, too.
        Level, not edge: the sweep finds the same wallets from the rows.
        """
        figures = {
            "wallets": column(wallet_ids),
            "now": now,
            "rearm": LOW_BALANCE_REARM,
            "paid": column(paid),
            "filled": column(filled),
            "minutes": MINUTES_LEVEL,
        }
        answer = statements.ask(WATCH, figures)

        def read() -> tuple[list[int], list[int], list[int]]:
            rows = answer.rows()
            due, low, minutes = ([row[0] for row in rows if row[n]] for n in (1, 2, 3))
            return due, low, minutes

        return read


class AutoRecharge(Tried):
    class Suspended(models.TextChoices):
        PAYMENT_FAILED = "payment_failed", "Payment failed"
        NEEDS_CONFIRMATION = "authentication_required", "Your bank needs you to confirm"
        REFUNDED = "refunded", "A recharge was refunded"
        DISPUTED = "disputed", "A payment was disputed"
        NO_CARD = "no_card", "The card was removed"
        SUPPORT = "support", "Suspended by support"

    class Hold(models.TextChoices):
        COOLDOWN = "cooldown", "Just recharged"
        DECLINED = "declined", "Waiting after a decline"
        TOO_MANY = "too_many", "Three charges in ten minutes"
        TOO_MANY_TRIES = "too_many_tries", "Six attempts in ten minutes"
        MONTHLY_LIMIT = "monthly_limit", "Monthly limit reached"
        DAILY_CEILING = "daily_ceiling", "Daily ceiling reached"
        GATEWAY = "gateway", "The payment service is not answering"

    wallet = models.OneToOneField(Wallet, on_delete=models.PROTECT, related_name="auto_recharge")
    enabled = models.BooleanField(default=False)
    threshold = MoneyField(default=10)
    amount = MoneyField(default=50)
    # Empty follows the wallet's default.
    payment_method = models.CharField(max_length=255, blank=True)
    monthly_limit = MoneyField(null=True, blank=True)
    # Of automatic charges in one local day; empty: ten times the amount, at least $500.
    daily_ceiling = MoneyField(null=True, blank=True)
    # Campaigns paused for low balance resume by themselves when Auto-Recharge brings the money.
    resume_campaigns = models.BooleanField(default=False)
    consecutive_declines = models.PositiveSmallIntegerField(default=0, editable=False)
    # No automatic charge before this moment, and why.
    not_before = models.DateTimeField(null=True, editable=False)
    hold_reason = models.CharField(max_length=15, choices=Hold, blank=True, editable=False)
    # Since when the rule has wanted a charge.
    due_since = models.DateTimeField(null=True, editable=False)
    # Armed by a payment that lifts the balance to the threshold, or by one well above it. Since
    # when it has been low and nobody was told: they are, once Auto-Recharge will not charge.
    low_armed = models.BooleanField(default=False, editable=False)
    low_since = models.DateTimeField(null=True, editable=False)
    # The same for minutes: the account's own level, in minutes of all types together. Empty is
    # ours, 0 is never.
    minutes_level = models.PositiveIntegerField(null=True, blank=True)
    minutes_armed = models.BooleanField(default=False, db_default=False, editable=False)
    minutes_low_since = models.DateTimeField(null=True, editable=False)
    # When a sweep next hands out each of the two, and its tries, apart from those to charge: a
    # notice that kills workers stops no payment, and no other notice.
    low_look_at = models.DateTimeField(default=clock.now, db_default=Now(), editable=False)
    low_tries = models.PositiveSmallIntegerField(default=0, db_default=0, editable=False)
    low_rests_until = models.DateTimeField(null=True, editable=False)
    minutes_look_at = models.DateTimeField(default=clock.now, db_default=Now(), editable=False)
    minutes_tries = models.PositiveSmallIntegerField(default=0, db_default=0, editable=False)
    minutes_rests_until = models.DateTimeField(null=True, editable=False)
    # Its agency hears of both, too, because it asked to.
    agency_hears = models.BooleanField(default=False, db_default=False)
    suspended_at = models.DateTimeField(null=True, editable=False)
    suspended_reason = models.CharField(
        max_length=25, choices=Suspended, blank=True, editable=False
    )
    # The card that failed: only another one lifts the suspension or shortens the wait.
    failed_fingerprint = models.CharField(max_length=64, blank=True, editable=False)
    updated_at = models.DateTimeField(default=clock.now, editable=False)

    objects = AutoRechargeQuerySet.as_manager()

    class Meta:
        permissions = [
            ("suspend_autorecharge", "Can suspend Auto-Recharge"),
            ("lift_autorecharge", "Can lift a suspension of Auto-Recharge"),
            ("retry_autorecharge", "Can try a failed Auto-Recharge again"),
        ]
        indexes = [
            models.Index(fields=["enabled", "wallet"], name="recharges_by_switch"),
            models.Index(
                fields=["suspended_at"],
                name="recharges_suspended",
                condition=Q(suspended_at__isnull=False),
            ),
            models.Index(
                fields=["due_since"], name="recharges_due", condition=Q(due_since__isnull=False)
            ),
            models.Index(
                fields=["low_since"], name="low_balances", condition=Q(low_since__isnull=False)
            ),
            # Who may not pay a minute (`wallets.balances.short`).
            models.Index(fields=["wallet"], name="low_wallets", condition=Q(low_armed=False)),
            models.Index(
                fields=["look_at"],
                name="recharges_in_turn",
                condition=Q(due_since__isnull=False),
            ),
            models.Index(
                fields=["low_look_at"],
                name="low_balances_in_turn",
                condition=Q(low_since__isnull=False),
            ),
            models.Index(
                fields=["minutes_low_since"],
                name="low_minutes",
                condition=Q(minutes_low_since__isnull=False),
            ),
        ]
        constraints = [
            models.CheckConstraint(
                name="auto_recharge_threshold_1_to_10000",
                condition=within("threshold", low=1, high=10_000),
            ),
            models.CheckConstraint(
                name="auto_recharge_amount_5_to_2500",
                condition=within("amount", low=5, high=2_500),
            ),
            models.CheckConstraint(
                name="auto_recharge_limit_at_least_amount",
                condition=Q(monthly_limit=None)
                | (Q(monthly_limit__gte=F("amount")) & within("monthly_limit")),
            ),
            models.CheckConstraint(
                name="auto_recharge_ceiling_5_to_50000",
                condition=Q(daily_ceiling=None) | within("daily_ceiling", low=5, high=50_000),
            ),
            models.CheckConstraint(
                name="auto_recharge_suspended_has_a_reason",
                condition=Q(suspended_at=None, suspended_reason="")
                | (Q(suspended_at__isnull=False) & ~Q(suspended_reason="")),
            ),
            models.CheckConstraint(
                name="auto_recharge_hold_has_a_reason",
                condition=Q(not_before=None, hold_reason="")
                | (Q(not_before__isnull=False) & ~Q(hold_reason="")),
            ),
        ]

    def __str__(self) -> str:
        return f"Auto-Recharge of {self.wallet_id}: {'on' if self.enabled else 'off'}"

    @property
    def ceiling(self) -> Money:
        """Of automatic charges in one local day, whether the account set it or not."""
        return self.daily_ceiling or Money(default_ceiling(amount=self.amount.amount), "USD")

    @property
    def effective_payment_method(self) -> str:
        """The card that would be charged: its own, else the wallet's default."""
        return self.payment_method or self.wallet.default_payment_method
