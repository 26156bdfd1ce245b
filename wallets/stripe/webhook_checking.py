"""The webhook's part of check_stripe: the endpoint at Stripe, its events, and its secret."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http.request import validate_host
from django.urls import reverse
from django.utils.timesince import timesince

from accounts import clock
from wallets import limits
from wallets.models import StripeEvent
from wallets.stripe import probes
from wallets.stripe.probes import NOT_CHECKED, OK, WRONG, Line, Told

# What the inbox acts on (a test compares).
NEEDED_EVENTS = (
    "charge.dispute.closed",
    "charge.dispute.created",
    "charge.dispute.funds_reinstated",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.updated",
    "checkout.session.completed",
    "customer.deleted",
    "payment_intent.canceled",
    "payment_intent.payment_failed",
    "payment_intent.processing",
    "payment_intent.requires_action",
    "payment_intent.succeeded",
    "payment_method.automatically_updated",
    "payment_method.detached",
    "payment_method.updated",
    "refund.created",
    "refund.failed",
    "refund.updated",
    "setup_intent.succeeded",
)


def lines() -> list[Line]:
    """Look at the endpoint that has our address, and at what has come from it."""
    told = probes.ask(lambda v1: v1.webhook_endpoints.list({"limit": 100}))
    ours = [one for one in told.rows if _is_ours(str(one.get("url")))]
    enabled = [one for one in ours if one.get("status") == "enabled"]
    verdict, sentence = _address(told, ours=ours, enabled=enabled)
    found = [Line("webhook address", verdict, sentence)]
    if len(enabled) == 1:
        found += [_version(enabled[0]), _events(enabled[0])]
    return [*found, _secret(enabled)]


def _address(told: Told, *, ours: list[dict], enabled: list[dict]) -> tuple[str, str]:
    url = _our_address()
    if not told.ok:
        return NOT_CHECKED, _unread(told)
    if not ours:
        near = [str(one.get("url")) for one in told.rows if "webhook" in str(one.get("url"))]
        hint = f" (There is {', '.join(near)}.)" if near else ""
        return WRONG, (
            f"No webhook endpoint at Stripe has the address {url}: create it there, with API "
            f"version {settings.STRIPE_API_VERSION}, and put its secret into "
            f"STRIPE_WEBHOOK_SECRET.{hint}"
        )
    if not enabled:
        return WRONG, f"The webhook endpoint {url} is disabled: enable it in Stripe's dashboard."
    if len(enabled) > 1:
        return WRONG, (
            f"{len(enabled)} webhook endpoints have the address {url}: each event comes from every "
            "one, and only one signs with our secret. Keep the one whose secret is "
            "STRIPE_WEBHOOK_SECRET, delete the others."
        )
    return OK, f"Events are sent to {enabled[0]['url']}."


def _unread(told: Told) -> str:
    lacks = "This key may not read webhook endpoints (rak_webhook_read)."
    why = lacks if told.status == 403 else f"Stripe answered {told.status or told.trouble}."
    return (
        f"{why} Look in Stripe's dashboard: one enabled endpoint at {_our_address()}, API version "
        f"{settings.STRIPE_API_VERSION}, the events of docs/going-live.md."
    )


def _our_address() -> str:
    return f"{settings.SITE_URL}{reverse('wallets:stripe_webhook')}"


def _is_ours(url: str) -> bool:
    """Exactly: Stripe follows no redirects, so a missing slash or plain HTTP gets nowhere."""
    if url == _our_address():
        return True
    parts = urlsplit(url)
    path = parts._replace(scheme="", netloc="").geturl()
    names_us = validate_host(parts.hostname or "", settings.ALLOWED_HOSTS)
    return parts.scheme == "https" and path == reverse("wallets:stripe_webhook") and names_us


def _version(endpoint: dict[str, Any]) -> Line:
    ours = settings.STRIPE_API_VERSION
    theirs = endpoint.get("api_version") or "of the account's default"
    if theirs == ours:
        return Line("webhook version", OK, f"Events come in {ours}.")
    return Line(
        "webhook version",
        WRONG,
        f"Events come in API version {theirs}, and we read {ours}: a version cannot be changed, so "
        "create a new endpoint with ours, put its secret into STRIPE_WEBHOOK_SECRET, and delete "
        "the old one.",
    )


def _events(endpoint: dict[str, Any]) -> Line:
    sent = endpoint.get("enabled_events") or []
    missing = [] if "*" in sent else [one for one in NEEDED_EVENTS if one not in sent]
    if missing:
        return Line(
            "webhook events",
            WRONG,
            f"These are not sent: {', '.join(missing)}. Add them to the endpoint.",
        )
    return Line("webhook events", OK, f"All {len(NEEDED_EVENTS)} that we act on are sent.")


def _secret(enabled: list[dict[str, Any]]) -> Line:
    """Stripe shows a secret once. What it let in tells that it was right then."""
    now = clock.now()
    if missed := _missed(enabled, now):
        event, minutes = missed
        return Line(
            "webhook secret",
            WRONG,
            f"Stripe's event {event} is {minutes} minutes old and has not come: look at its "
            "deliveries in Stripe's dashboard. If we answered 400, STRIPE_WEBHOOK_SECRET is not "
            "this endpoint's.",
        )
    last = StripeEvent.objects.order_by("-received_at").first()
    if last is None:
        return Line(
            "webhook secret",
            NOT_CHECKED,
            "It cannot be read back, and no event has come yet: make a customer in Stripe's "
            "dashboard, delete it, and run this again.",
        )
    ago = timesince(last.received_at, now, depth=1).replace("\xa0", " ")
    return Line(
        "webhook secret",
        OK,
        f"It cannot be read back. The last event that it let in came {ago} ago.",
    )


def _missed(enabled: list[dict[str, Any]], now: datetime) -> tuple[str, int] | None:
    """Stripe's newest event that we act on, and its minutes, when it should be here and is not."""
    if len(enabled) != 1:
        return None
    params = {"limit": 1, "types": list(NEEDED_EVENTS)}
    for event in probes.ask(lambda v1: v1.events.list(params)).rows:
        made = event.get("created") or 0
        age = now - datetime.fromtimestamp(made, UTC)
        sent = made > (enabled[0].get("created") or 0)
        here = StripeEvent.objects.filter(event_id=event.get("id")).exists()
        if sent and not here and age > limits.EVENT_COMES_WITHIN:
            return str(event.get("id")), int(age.total_seconds()) // 60
    return None
