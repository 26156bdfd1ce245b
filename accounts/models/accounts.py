"""Accounts, who works in them, and who was invited to."""

import secrets
import uuid
from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector
from django.core import signing
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.urls import reverse

from accounts import clock, zones
from accounts.kept import Rows
from accounts.models.mailed import Mailed
from accounts.models.people import User

COUNTRY = RegexValidator(r"^[A-Z]{2}\Z", "Write the country as two capital letters, like US.")


def validate_timezone(name: str) -> None:
    if name not in zones.offered():
        raise ValidationError(
            f"“{name}” is not a time zone. Use an IANA name such as America/New_York."
        )


class AccountQuerySet(models.QuerySet["Account"]):
    def active(self) -> "AccountQuerySet":
        return self.filter(status=Account.Status.ACTIVE)


class Account(models.Model):
    """Who is billed: an agency, a sub-account of one agency, or an individual."""

    class Kind(models.TextChoices):
        AGENCY = "agency", "Agency"
        SUB_ACCOUNT = "sub_account", "Sub-account"
        INDIVIDUAL = "individual", "Individual"

    class Status(models.TextChoices):
        ACTIVE = "active", "Active"
        CLOSED = "closed", "Closed"

    # Random, so that no two databases ever send Stripe the same idempotency key.
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=11, choices=Kind)
    agency = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="sub_accounts"
    )
    name = models.CharField(max_length=120)
    status = models.CharField(max_length=6, choices=Status, default=Status.ACTIVE)
    timezone = models.CharField(
        "time zone", max_length=64, blank=True, validators=[validate_timezone]
    )
    # Created once at Stripe, by the key customer:<account>.
    stripe_customer = models.CharField(max_length=255, null=True, blank=True, unique=True)
    # Those it had before, which were deleted at Stripe: payments of that time are theirs.
    former_customers = ArrayField(models.CharField(max_length=255), null=True, blank=True)
    billing_name = models.CharField(max_length=120, blank=True)
    billing_address = models.CharField(max_length=400, blank=True)
    # Two letters, like US.
    billing_country = models.CharField(
        max_length=2, blank=True, db_default="", validators=[COUNTRY]
    )
    tax_id = models.CharField("tax id", max_length=40, blank=True)
    # When somebody was asked for these four before the first payment, whatever they answered.
    billing_asked_at = models.DateTimeField(null=True, editable=False)
    # Premium minutes a month that come with the plan; granted on the anchor day.
    included_minutes = models.PositiveIntegerField(default=0)
    included_anchor_day = models.PositiveSmallIntegerField(default=1)
    # Of sub-accounts: their agency works with them no more, and does not want to see them.
    archived_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(default=clock.now, editable=False)

    objects = AccountQuerySet.as_manager()

    class Meta:
        permissions = [
            ("close_account", "Can close and reopen accounts"),
            ("renew_customer", "Can renew the link to Stripe's customer"),
        ]
        indexes = [
            GinIndex(SearchVector("name", config="simple"), name="accounts_by_words"),
            models.Index(fields=["name", "id"], name="accounts_by_name"),
            models.Index(fields=["kind", "name", "id"], name="accounts_by_kind"),
            models.Index(fields=["status", "name", "id"], name="accounts_by_status"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=["agency", "sub_account", "individual"]),
                name="account_kind_is_known",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["active", "closed"]), name="account_status_is_known"
            ),
            models.CheckConstraint(
                condition=Q(kind="sub_account", agency__isnull=False)
                | (~Q(kind="sub_account") & Q(agency__isnull=True)),
                name="only_sub_accounts_have_an_agency",
            ),
            models.CheckConstraint(
                condition=~Q(agency=F("id")), name="no_account_is_its_own_agency"
            ),
            models.CheckConstraint(
                condition=~Q(kind="sub_account") | Q(included_minutes=0),
                name="sub_accounts_have_no_included_minutes",
            ),
            models.CheckConstraint(
                condition=Q(included_anchor_day__range=(1, 31)),
                name="included_anchor_day_is_a_day_of_a_month",
            ),
            models.CheckConstraint(condition=~Q(name=""), name="account_has_a_name"),
            models.CheckConstraint(condition=~Q(timezone=""), name="account_has_a_time_zone"),
        ]
        ordering = ["name", "id"]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: object, **kwargs: object) -> None:
        if not self.timezone:
            self.timezone = self.agency.timezone if self.agency else "UTC"
        super().save(*args, **kwargs)

    def clean(self) -> None:
        if self.agency and not self.agency.is_agency:
            raise ValidationError({"agency": f"{self.agency} is not an agency."})

    @property
    def is_agency(self) -> bool:
        return self.kind == self.Kind.AGENCY

    @property
    def is_closed(self) -> bool:
        return self.status == self.Status.CLOSED

    @property
    def customers(self) -> list[str]:
        """Every customer at Stripe it has or had, the present one first."""
        present = [self.stripe_customer] if self.stripe_customer else []
        return [*present, *(self.former_customers or [])]

    @property
    def zone(self) -> ZoneInfo:
        return zones.zone_of(self.timezone)

    def local_date(self, moment: datetime) -> date:
        """The day `moment` falls on where the account is."""
        return moment.astimezone(self.zone).date()


class Role(models.TextChoices):
    OWNER = "owner", "Owner"
    ADMIN = "admin", "Admin"
    MEMBER = "member", "Member"


class Membership(models.Model):
    """A user's place in an account."""

    rows = Rows.MAY_GO

    user = models.ForeignKey(User, models.CASCADE, related_name="memberships")
    account = models.ForeignKey(Account, models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=6, choices=Role)
    # By which they joined. Without one they opened the account, or joined before this was kept.
    invitation = models.ForeignKey(
        "Invitation", models.SET_NULL, null=True, editable=False, related_name="+"
    )
    created_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "account"], name="one_membership_per_account"),
            models.CheckConstraint(
                condition=Q(role__in=["owner", "admin", "member"]), name="membership_role_is_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} ({self.get_role_display()})"


def new_nonce() -> str:
    return secrets.token_urlsafe(32)


class Invitation(Mailed):
    """A seat offered by e-mail. The link in the mail is signed over the nonce, so the database
    alone does not open the seat, and a new nonce makes the old link worthless."""

    rows = Rows.MAY_GO

    LINK_SALT = "accounts.invitation"

    account = models.ForeignKey(Account, models.CASCADE, related_name="invitations")
    email = models.EmailField("e-mail")
    role = models.CharField(max_length=6, choices=Role)
    nonce = models.CharField(max_length=43, default=new_nonce)
    invited_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=clock.now, editable=False)
    expires_at = models.DateTimeField()
    # When its page was first shown in a browser; programs that look into mails leave it empty.
    opened_at = models.DateTimeField(null=True, editable=False)
    accepted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "email"],
                condition=Q(accepted_at__isnull=True),
                name="one_open_invitation_per_address",
            ),
            models.CheckConstraint(
                condition=Q(email=Lower("email")), name="invitation_email_is_in_lower_case"
            ),
            models.CheckConstraint(
                condition=Q(role__in=["owner", "admin", "member"]), name="invitation_role_is_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.email} to {self.account}"

    @property
    def made_by(self) -> str:
        """Who invited, as people read it; a sub-account's agency may have done it by the API."""
        if self.invited_by is None:
            return self.account.agency.name if self.account.agency else ""
        named = f"{self.invited_by.name} ({self.invited_by.email})"
        return named if self.invited_by.name else self.invited_by.email

    @property
    def path(self) -> str:
        """The address in the mail: whoever has it may take the seat."""
        token = signing.dumps([self.pk, self.nonce], salt=self.LINK_SALT)
        return reverse("accounts:accept_invitation", args=[token])
