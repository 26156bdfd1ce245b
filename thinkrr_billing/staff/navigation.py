"""The admin's navigation, by hand: what support needs, in the order of a phone call."""

from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse

# Title, icon, and the pages below: (title, icon, model or name of a page, query).
SECTIONS: tuple[tuple[str, tuple[tuple[str, str, str], ...]], ...] = (
    (
        "",
        (
            ("Dashboard", "dashboard", "index"),
            ("Search", "search", "find"),
        ),
    ),
    (
        "Customers",
        (
            ("Accounts", "apartment", "accounts.account"),
            ("People", "group", "accounts.user"),
            ("Campaigns", "campaign", "campaigns.campaign"),
            ("Calls", "call", "campaigns.call"),
            ("Notifications", "notifications", "accounts.notification"),
            ("Own alerts", "notification_important", "wallets.alert"),
            ("Slack of accounts", "tag", "wallets.slackhook"),
            ("Messages to Slack", "forum", "wallets.slackmessage"),
            ("API keys", "key", "accounts.apikey"),
            ("Invitations", "mail", "accounts.invitation"),
        ),
    ),
    (
        "Money",
        (
            ("Purchases", "credit_card", "wallets.purchase"),
            ("Wallets", "account_balance_wallet", "wallets.wallet"),
            ("Auto-Recharge", "autorenew", "wallets.autorecharge"),
            ("Holds of calls", "lock_clock", "wallets.callhold"),
            ("Ledger", "receipt_long", "wallets.ledgerentry"),
            ("Decisions", "rule", "wallets.loggeddecision"),
            ("Refunds and disputes", "undo", "wallets.reversal"),
            ("Monthly allocations", "event_repeat", "wallets.autoallocation"),
            ("Allocation runs", "calendar_month", "wallets.allocationrun"),
            ("Requests for minutes", "volunteer_activism", "wallets.minuteask"),
            ("Deeds of value", "approval", "wallets.adjustmentrequest"),
            ("Rates", "sell", "wallets.minuterate"),
            ("Sellers", "storefront", "wallets.seller"),
            ("Papers’ parties", "handshake", "wallets.parties"),
            ("Credit note numbers", "tag", "wallets.creditnoteseries"),
            ("Billing addresses", "contact_mail", "wallets.billingaddress"),
            ("Papers by mail", "forward_to_inbox", "wallets.papermail"),
            ("Automatic charges", "front_hand", "wallets.chargeswitch"),
        ),
    ),
    (
        "Stripe",
        (
            ("Event inbox", "inbox", "wallets.stripeevent"),
            ("Customers at Stripe", "badge", "djstripe.customer"),
            ("Comparisons", "compare_arrows", "wallets.stripecomparison"),
            ("Catching up", "update", "wallets.catchup"),
            ("Cards at Stripe", "credit_score", "djstripe.paymentmethod"),
        ),
    ),
    (
        "Staff",
        (
            ("Alerts", "warning", "accounts.staffalert"),
            ("Webhooks", "webhook", "accounts.webhookendpoint"),
            ("Sent to webhooks", "outbound", "accounts.webhookdelivery"),
            ("Actions of staff", "history", "accounts.staffaction"),
            ("Audit log", "policy", "accounts.auditentry"),
            ("Roles", "admin_panel_settings", "auth.group"),
            ("Failed log-ins", "lock", "accounts.failedlogin"),
            ("Card attempts", "credit_card_off", "wallets.cardattempt"),
        ),
    ),
)


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    """The sections with the pages this person may see."""
    found = []
    for title, pages in SECTIONS:
        items = [_item(*page) for page in pages if _may_see(request, page[2])]
        if items:
            found.append({"title": title, "separator": bool(title), "items": items})
    return found


def favicon(request: HttpRequest) -> str:  # noqa: ARG001
    return static("ui/logo.svg")


def style_sheet(request: HttpRequest) -> str:  # noqa: ARG001
    return static("ui/staff.css")


def copy_script(request: HttpRequest) -> str:  # noqa: ARG001
    return static("ui/copy.js")


def _may_see(request: HttpRequest, page: str) -> bool:
    app, _, model = page.partition(".")
    return not model or request.user.has_perm(f"{app}.view_{model}")


def _item(title: str, icon: str, page: str) -> dict[str, Any]:
    name = f"{page.replace('.', '_')}_changelist" if "." in page else page
    return {"title": title, "icon": icon, "link": reverse(f"admin:{name}")}
