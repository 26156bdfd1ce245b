"""The roles of support staff: which pages each sees and which buttons each may press.

Roles are code. `migrate` puts them into the database, and puts them right again."""

from django.contrib.auth.models import Group, Permission

READ_ONLY = "Read-only"
SUPPORT = "Support"
BILLING = "Billing operations"

# What every member of the staff can look at.
SEEN = {
    "accounts": [
        "account",
        "agencynotice",
        "apikey",
        "auditentry",
        "failedlogin",
        "invitation",
        "jobrun",
        "membership",
        "notification",
        "staffaction",
        "staffalert",
        "user",
        "webhookdelivery",
        "webhookendpoint",
    ],
    "auth": ["group"],
    "wallets": [
        "adjustmentrequest",
        "alert",
        "allocationrun",
        "autoallocation",
        "autorecharge",
        "billingaddress",
        "callhold",
        "cardattempt",
        "catchup",
        "chargeswitch",
        "creditnoteseries",
        "ledgerentry",
        "loggeddecision",
        "minuteask",
        "minuterate",
        "papermail",
        "parties",
        "purchase",
        "reversal",
        "seller",
        "slackhook",
        "slackmessage",
        "stripecomparison",
        "stripeevent",
        "wallet",
    ],
    "campaigns": ["call", "campaign"],
    "djstripe": ["customer", "paymentmethod"],
}

# Putting things right without moving money by hand.
SUPPORT_MAY = (
    "accounts.close_staffalert",
    "accounts.look_as_customer",
    "accounts.remove_second_factor",
    "accounts.renew_customer",
    "accounts.resend_notification",
    "accounts.revoke_apikey",
    "campaigns.pause_campaign",
    "campaigns.resume_campaign",
    "wallets.apply_stripeevent",
    "wallets.resolve_purchase",
    "wallets.retry_autorecharge",
    "wallets.run_allocation",
    "wallets.stop_billing_address",
    "wallets.suspend_autorecharge",
)
BILLING_MAY = (
    *SUPPORT_MAY,
    "accounts.change_account",
    "accounts.close_account",
    "wallets.adjust_wallet",
    "wallets.approve_adjustment",
    "wallets.cancel_purchase",
    "wallets.grant_included",
    "wallets.lift_autorecharge",
    "wallets.refund_purchase",
    "wallets.set_included",
    "wallets.set_rate",
    "wallets.set_seller",
    "wallets.unblock_wallet",
)

_SEES = tuple(f"{app}.view_{model}" for app, models in SEEN.items() for model in models)
GROUPS = {
    READ_ONLY: _SEES,
    SUPPORT: _SEES + SUPPORT_MAY,
    BILLING: _SEES + BILLING_MAY,
}


def ensure(**kwargs: object) -> None:
    """Make the groups, each with exactly its permissions. Safe to repeat; writes only changes."""
    known = {
        f"{app}.{codename}": pk
        for pk, app, codename in Permission.objects.values_list(
            "pk", "content_type__app_label", "codename"
        )
    }
    for name, wanted in GROUPS.items():
        missing = [one for one in wanted if one not in known]
        if missing:
            # Migrating to an older state: the roles are put right by the next full migrate.
            return
        group, _ = Group.objects.get_or_create(name=name)
        ids = {known[one] for one in wanted}
        if set(group.permissions.values_list("pk", flat=True)) != ids:
            group.permissions.set(ids)
