"""Who gets an account's papers by mail, and each paper that is mailed to them.

A paper is put on the list by triggers, in the transaction that pays or refunds; a month's
statement by `wallets.statements.mailing`.
"""

from datetime import timedelta
from typing import ClassVar

from django.conf import settings
from django.core import signing
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.urls import reverse

from accounts import clock
from accounts.models import Account, Tried
from accounts.models.accounts import new_nonce
from accounts.models.mailed import Mailed
from wallets.models.purchase import Purchase
from wallets.models.reversal import Reversal


class BillingAddressQuerySet(models.QuerySet["BillingAddress"]):
    def kept(self) -> "BillingAddressQuerySet":
        """Those nobody removed."""
        return self.filter(removed_at=None)

    def reached(self) -> "BillingAddressQuerySet":
        """Those that papers are mailed to."""
        return self.kept().filter(confirmed_at__isnull=False, refused_at=None)


class BillingAddress(models.Model):
    """An address that gets receipts, statements or both, once whoever reads it has confirmed it.

    Rows stay when it is removed: what was mailed to it is known by them.
    """

    CONFIRM_SALT = "wallets.billing_address.confirm"
    STOP_SALT = "wallets.billing_address.stop"

    account = models.ForeignKey(Account, models.PROTECT, related_name="billing_addresses")
    email = models.EmailField("e-mail")
    # Receipts come with the credit notes that correct them.
    wants_receipts = models.BooleanField("receipts and credit notes", default=True)
    wants_statements = models.BooleanField("monthly statements", default=True)
    nonce = models.CharField(max_length=43, default=new_nonce, editable=False)
    added_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    created_at = models.DateTimeField(default=clock.now, editable=False)
    confirmed_at = models.DateTimeField(null=True, editable=False)
    # Its mail server wants no mail for it, or support stopped it.
    refused_at = models.DateTimeField(null=True, editable=False)
    removed_at = models.DateTimeField(null=True, editable=False)
    # The first day of the month whose statement it gets next, and when that month is over.
    statement_month = models.DateField(null=True, editable=False)
    statement_due_at = models.DateTimeField(null=True, editable=False)

    objects = BillingAddressQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "billing addresses"
        ordering = ["account", "pk"]
        permissions = [("stop_billing_address", "Can stop papers to an address")]
        indexes = [
            models.Index(
                fields=["statement_due_at"],
                name="statements_due",
                condition=Q(
                    removed_at__isnull=True, refused_at__isnull=True, wants_statements=True
                ),
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["account", "email"],
                condition=Q(removed_at__isnull=True),
                name="one_billing_address_of_a_name",
            ),
            models.CheckConstraint(
                condition=Q(email=Lower("email")), name="billing_address_is_in_lower_case"
            ),
            models.CheckConstraint(
                condition=Q(wants_receipts=True) | Q(wants_statements=True),
                name="billing_address_wants_something",
            ),
        ]

    def __str__(self) -> str:
        return self.email

    @property
    def confirm_path(self) -> str:
        """The address in the first mail: whoever has it confirms."""
        token = signing.dumps([self.pk, self.nonce], salt=self.CONFIRM_SALT)
        return reverse("wallets:confirm_billing_address", args=[token])

    @property
    def stop_path(self) -> str:
        """The address in every mail with a paper: whoever has it ends them."""
        token = signing.dumps([self.pk, self.nonce], salt=self.STOP_SALT)
        return reverse("wallets:stop_billing_address", args=[token])


class PaperMail(Mailed, Tried):
    """One mail to a billing address: a paper, or the question whether it wants any. Each once."""

    # A receipt is worth having late: only what nobody can send for two weeks is given up.
    GIVE_UP_AFTER: ClassVar = timedelta(days=14)

    class Kind(models.TextChoices):
        CONFIRMATION = "confirmation", "Confirmation"
        RECEIPT = "receipt", "Receipt"
        CREDIT_NOTE = "credit_note", "Credit note"
        VOID = "void", "Credit note, void"
        STATEMENT = "statement", "Statement"

    address = models.ForeignKey(BillingAddress, models.PROTECT, related_name="mails")
    kind = models.CharField(max_length=12, choices=Kind)
    purchase = models.ForeignKey(Purchase, models.PROTECT, null=True, related_name="+")
    reversal = models.ForeignKey(Reversal, models.PROTECT, null=True, related_name="+")
    # The first day of a statement's month.
    month = models.DateField(null=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    mail_due_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["-pk"]
        indexes = [
            models.Index(
                fields=["look_at"], name="papers_to_mail", condition=Q(mail_due_at__isnull=False)
            ),
            models.Index(fields=["created_at"], name="paper_mails_by_age"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["address", "purchase"], name="each_receipt_once"),
            models.UniqueConstraint(
                fields=["address", "reversal", "kind"], name="each_credit_note_once"
            ),
            models.UniqueConstraint(fields=["address", "month"], name="each_statement_once"),
            models.CheckConstraint(
                name="paper_mail_is_of_its_paper",
                condition=Q(
                    kind="confirmation",
                    purchase__isnull=True,
                    reversal__isnull=True,
                    month__isnull=True,
                )
                | Q(
                    kind="receipt",
                    purchase__isnull=False,
                    reversal__isnull=True,
                    month__isnull=True,
                )
                | Q(
                    kind__in=["credit_note", "void"],
                    purchase__isnull=True,
                    reversal__isnull=False,
                    month__isnull=True,
                )
                | Q(
                    kind="statement",
                    purchase__isnull=True,
                    reversal__isnull=True,
                    month__isnull=False,
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} to {self.address}"
