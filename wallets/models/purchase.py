"""Purchases: one attempt each to take money from a card, and what it buys.

created -> submitted; submitted <-> requires_action; any of the three -> succeeded | declined |
canceled. The last three are terminal: a trigger refuses to change them. A submitted purchase
without an answer is unknown, and stays so until Stripe says.
"""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Coalesce

from accounts import clock
from accounts.models import Account, Tried
from wallets.models.wallet import Wallet

OPEN_STATES = ("created", "submitted", "requires_action")
TERMINAL_STATES = ("succeeded", "declined", "canceled")
# Not made, not decided yet, or for another wallet than the payer's: no entry of the payer tells it.
IN_NO_POT = ~Q(state="succeeded", purpose__in=["recharge", "auto_recharge"])


class PurchaseQuerySet(models.QuerySet):
    def open(self) -> "PurchaseQuerySet":
        return self.filter(state__in=OPEN_STATES)

    def recharges(self) -> "PurchaseQuerySet":
        """Those that fill the payer's own wallet, by hand or automatically."""
        return self.filter(purpose__in=["recharge", "auto_recharge"])

    def locked(self) -> "PurchaseQuerySet":
        return self.order_by("pk").select_for_update(of=("self",), no_key=True)


class Purchase(Tried):
    class Purpose(models.TextChoices):
        RECHARGE = "recharge", "Recharge"
        AUTO_RECHARGE = "auto_recharge", "Auto-Recharge"
        ALLOCATION = "allocation", "Monthly allocation"

    class Buys(models.TextChoices):
        CREDIT = "credit", "Credit"
        PREMIUM = "premium", "Premium minutes"
        BASIC = "basic", "Basic minutes"
        ALLOCATION = "allocation", "Basic and Premium minutes"

    class State(models.TextChoices):
        CREATED = "created", "Created"
        SUBMITTED = "submitted", "Processing"
        REQUIRES_ACTION = "requires_action", "Action required"
        SUCCEEDED = "succeeded", "Paid"
        DECLINED = "declined", "Failed"
        CANCELED = "canceled", "Canceled"

    # Random, so that no two databases ever send Stripe the same idempotency key.
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # Whose card pays, and whose wallet is credited. They differ for allocations only.
    # The indexes of their lists lead with them, too.
    payer = models.ForeignKey(
        Account, on_delete=models.PROTECT, related_name="purchases", db_index=False
    )
    wallet = models.ForeignKey(
        Wallet, on_delete=models.PROTECT, related_name="purchases", db_index=False
    )
    purpose = models.CharField(max_length=15, choices=Purpose)
    # What the card is charged, in US cents.
    amount_cents = models.PositiveIntegerField()
    buys = models.CharField(max_length=10, choices=Buys)
    # Dollars per minute, frozen when decided. Set for the types this purchase may buy.
    premium_rate = models.DecimalField(max_digits=18, decimal_places=6, null=True)
    basic_rate = models.DecimalField(max_digits=18, decimal_places=6, null=True)
    # Whole minutes, for allocations only: a recharge's minutes follow from what debt leaves.
    # Minutes that an agency gives once are an allocation without a month.
    premium_minutes = models.PositiveIntegerField(default=0)
    basic_minutes = models.PositiveIntegerField(default=0)
    allocation_run = models.ForeignKey(
        "wallets.AllocationRun", on_delete=models.PROTECT, null=True, related_name="purchases"
    )
    # A Stripe id, and how people know the card ("Visa •••• 4242") at the time.
    payment_method = models.CharField(max_length=255)
    card = models.CharField(max_length=60, blank=True)
    card_fingerprint = models.CharField(max_length=64, blank=True)
    # Only of one that the backup card pays: why not the first card ("Visa •••• 4242 was declined"),
    # and the charge that was declined a moment before, if it was tried.
    instead_of = models.CharField(max_length=100, blank=True, db_default="")
    backup_of = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, related_name="backups", db_index=False
    )
    state = models.CharField(max_length=15, choices=State, default=State.CREATED)
    payment_intent = models.CharField(max_length=255, null=True, unique=True)
    # How often a confirmation was sent: part of its idempotency key.
    attempts = models.PositiveSmallIntegerField(default=0)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    # From the form or the Idempotency-Key header: a repeat answers with this purchase, for ever.
    form_key = models.CharField(max_length=255, null=True)
    # Stripe's codes for support, and our sentence for the customer.
    decline_code = models.CharField(max_length=100, blank=True)
    # We mean to cancel it at Stripe. One that is canceled without this nobody can explain.
    given_up_at = models.DateTimeField(null=True, editable=False)
    error_text = models.CharField(max_length=300, blank=True)
    # Set when Stripe's facts and ours differ, or a closed purchase was paid. Support decides.
    quarantined_at = models.DateTimeField(null=True)
    quarantine_reason = models.CharField(max_length=200, blank=True)
    # Support has been told that the outcome is unknown.
    reported_unknown_at = models.DateTimeField(null=True)
    receipt_number = models.BigIntegerField(null=True, unique=True)
    created_at = models.DateTimeField(default=clock.now)
    submitted_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)

    # Not stored: whether this is the answer to a form_key that came before.
    is_repeat = False

    objects = PurchaseQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        permissions = [
            ("refund_purchase", "Can refund purchases"),
            ("resolve_purchase", "Can ask Stripe what became of a purchase, and try again"),
            ("cancel_purchase", "Can cancel purchases that are not paid"),
        ]
        indexes = [
            models.Index(fields=["created_at", "state"], name="purchases_by_day"),
            models.Index(fields=["state", "-created_at"], name="purchases_by_state"),
            models.Index(fields=["purpose", "-created_at"], name="purchases_by_purpose"),
            models.Index(fields=["amount_cents", "-created_at"], name="purchases_by_amount"),
            models.Index(
                fields=["quarantined_at"],
                name="purchases_quarantined",
                condition=Q(quarantined_at__isnull=False),
            ),
            models.Index(fields=["card", "-created_at"], name="purchases_by_card"),
            models.Index(fields=["wallet", "-created_at"], name="purchases_of_wallet"),
            models.Index(fields=["payer", "-created_at", "-id"], name="purchases_of_payer"),
            models.Index(
                F("payer"),
                Coalesce("closed_at", "created_at").desc(),
                F("id").desc(),
                name="purchases_in_no_pot",
                condition=IN_NO_POT,
            ),
            models.Index(
                fields=["payer", "-closed_at", "-id"],
                name="receipts_of_payer",
                condition=Q(state="succeeded"),
            ),
            models.Index(
                fields=["wallet", "-closed_at"],
                name="paid_into_wallet",
                condition=Q(state="succeeded"),
            ),
            models.Index(
                fields=["created_at"],
                name="open_purchases",
                condition=Q(state__in=OPEN_STATES),
            ),
            models.Index(
                fields=["look_at"],
                name="open_purchases_in_turn",
                condition=Q(state__in=OPEN_STATES),
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["wallet"],
                name="one_open_recharge_per_wallet",
                condition=Q(state__in=OPEN_STATES, purpose__in=["recharge", "auto_recharge"]),
            ),
            models.UniqueConstraint(
                fields=["allocation_run"],
                name="one_open_or_paid_purchase_per_run",
                condition=Q(state__in=[*OPEN_STATES, "succeeded"]),
            ),
            models.UniqueConstraint(fields=["payer", "form_key"], name="one_purchase_per_form"),
            # The backup card is tried once after a decline, whoever settles it.
            models.UniqueConstraint(fields=["backup_of"], name="one_backup_per_decline"),
            models.CheckConstraint(
                name="purchase_backup_says_why",
                condition=Q(backup_of=None) | ~Q(instead_of=""),
            ),
            models.CheckConstraint(
                name="purchase_amount_is_what_stripe_takes",
                condition=Q(amount_cents__gte=50, amount_cents__lte=99_999_999),
            ),
            models.CheckConstraint(
                name="purchase_allocation_has_a_run",
                condition=(
                    Q(purpose="allocation", buys="allocation")
                    # Minutes given once have no month: they have the form they were given by.
                    & (Q(allocation_run__isnull=False) | Q(form_key__isnull=False))
                )
                | (
                    Q(purpose__in=["recharge", "auto_recharge"], allocation_run=None)
                    & ~Q(buys="allocation")
                ),
            ),
            models.CheckConstraint(
                name="purchase_rate_is_frozen",
                condition=Q(buys="credit")
                | Q(buys="premium", premium_rate__gt=0, premium_rate__lte=100)
                | Q(buys="basic", basic_rate__gt=0, basic_rate__lte=100)
                | Q(
                    buys="allocation",
                    premium_rate__gte=0,
                    premium_rate__lte=100,
                    basic_rate__gte=0,
                    basic_rate__lte=100,
                ),
            ),
            models.CheckConstraint(
                name="purchase_closed_says_when",
                condition=Q(state__in=OPEN_STATES, closed_at=None)
                | Q(state__in=TERMINAL_STATES, closed_at__isnull=False),
            ),
            models.CheckConstraint(
                name="purchase_submitted_has_an_intent",
                condition=Q(state__in=["created", "declined", "canceled"])
                | Q(payment_intent__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_purpose_display()} ${self.amount_cents / 100:,.2f} ({self.state})"

    @property
    def is_open(self) -> bool:
        return self.state in OPEN_STATES

    @property
    def paid_with(self) -> str:
        """The card as people read it, and why, if it is the backup card."""
        return f"{self.card} (backup card: {self.instead_of})" if self.instead_of else self.card

    @property
    def is_gift(self) -> bool:
        """Whether an agency gives these minutes once, and not as a month of an allocation."""
        return self.purpose == self.Purpose.ALLOCATION and self.allocation_run_id is None

    @property
    def ended_unexplained(self) -> bool:
        """Whether it was canceled at Stripe, and not by us."""
        canceled_there = self.state == self.State.CANCELED and self.payment_intent is not None
        return canceled_there and self.given_up_at is None
