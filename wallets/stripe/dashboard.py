"""Where Stripe's dashboard shows what one of its ids names."""

from django.conf import settings

DASHBOARD = "https://dashboard.stripe.com"
_PAGES = {
    "cus_": "customers",
    "pi_": "payments",
    "evt_": "events",
    "re_": "refunds",
    "du_": "disputes",
    "dp_": "disputes",
}


def dashboard_url(stripe_id: str | None) -> str:
    """The page of this id; "" for none, and with the sandbox, which has no dashboard."""
    if not stripe_id or settings.STRIPE_SANDBOX:
        return ""
    for prefix, page in _PAGES.items():
        if stripe_id.startswith(prefix):
            mode = "" if settings.STRIPE_LIVE_MODE else "/test"
            return f"{DASHBOARD}{mode}/{page}/{stripe_id}"
    return ""
