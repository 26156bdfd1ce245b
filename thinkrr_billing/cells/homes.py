"""Where the rows of each table are at home once there are cells.

A cell is a schema with everything of its agencies, their sub-accounts and individuals; `public` has
what belongs to nobody's cell."""

from collections.abc import Iterator

from django.apps import apps
from django.db import models

from accounts.cells.home import Home

PUBLIC = "public"
MIGRATIONS = "django_migrations"

# All tables of these are at home in one place: Stripe's customers are those of accounts.
APPS = {
    "admin": Home.GLOBAL,
    "auth": Home.GLOBAL,
    "contenttypes": Home.GLOBAL,
    "djstripe": Home.CELL,
    "otp_static": Home.GLOBAL,
    "otp_totp": Home.GLOBAL,
    "sessions": Home.GLOBAL,
}
# Our own by name, so that a new one has to be thought of.
MODELS = {
    "accounts": {
        # How people and machines get in, the way to the cell of what they ask for, what is counted
        # of them wherever they work, and the one who sends webhooks of all.
        Home.GLOBAL: "ApiKey FailedLogin InvitationSent OpenSession PasswordReset RecoveryCode"
        " SecurityMail StaffAction User User_groups User_user_permissions WebhookSender"
        " Cell CellOfAccount CellOfCustomer CellOfPerson",
        Home.CELL: "Account AgencyNotice Change Invitation Membership Notification Numbering"
        " WebhookAttempt WebhookDelivery WebhookEndpoint WebhookEvent",
        Home.BOTH: "AuditEntry JobRun KeptAnswer QueueEmptied StaffAlert",
    },
    "wallets": {
        # Rates and who sells are everybody's, and Stripe knows of no cells.
        Home.GLOBAL: "CatchUp ChargeSwitch MinuteRate Seller StripeComparison StripeEvent",
        Home.CELL: "AdjustmentRequest Alert AllocationRun AutoAllocation AutoRecharge"
        " BillingAddress CallHold CardAttempt CreditNoteSeries LedgerEntry LoggedDecision MinuteAsk"
        " PaperMail Parties Purchase Reversal SlackHook SlackMessage Wallet",
    },
    "campaigns": {Home.CELL: "AgencyUsageDay Call Campaign UsageDay UsageKept UsageMonth"},
}
# Foreign keys from `public` into a cell, as (table, column): `begin` drops them. The rows they lead
# to never go (`wallets_forbid_removal`), so that nothing is left to check but their first writing.
CUT = frozenset(
    {
        ("accounts_apikey", "account_id"),
        ("accounts_invitationsent", "account_id"),
        ("accounts_staffaction", "account_id"),
    }
)


class NoHome(LookupError):
    """A model that stands nowhere, or twice. The text says what to do."""


def home_of(model: type[models.Model]) -> Home:
    """Raises NoHome."""
    return home_of_name(model._meta.app_label, model._meta.object_name)


def home_of_name(app: str, name: str) -> Home:
    """The same of a model that may be gone, however its name is written. Raises NoHome."""
    if (home := APPS.get(app)) is not None:
        return home
    places = MODELS.get(app, {}).items()
    found = [home for home, names in places if name.lower() in names.lower().split()]
    if len(found) != 1:
        raise NoHome(f"{app}.{name} stands {len(found)} times in {__name__}: it needs one home.")
    return found[0]


def tables() -> dict[str, Home]:
    """The home of every table, in the order of the alphabet. Raises NoHome."""
    homes = {model._meta.db_table: home_of(model) for model in kept()}
    return dict(sorted(homes.items())) | {MIGRATIONS: Home.BOTH}


def kept() -> Iterator[type[models.Model]]:
    """Every model that has a table of its own."""
    for model in apps.get_models(include_auto_created=True):
        if model._meta.managed and not model._meta.proxy:
            yield model


def in_cells() -> list[str]:
    """The tables that each cell has."""
    return [name for name, home in tables().items() if home is not Home.GLOBAL]
