"""A few figures for monitoring, and the canary's mark among them. No log-in, no secrets."""

from datetime import timedelta

from django.contrib.auth.decorators import login_not_required
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest

from accounts import clock
from accounts.runtime import waits
from wallets.books.rules import most_intents_in_a_minute
from wallets.models import Purchase, StripeEvent, Wallet

CANARY = "canary"
# A figure that is asked for each minute must be seen once; an hour shows it to those who are late.
RECENT = timedelta(hours=1)
# Longer than the canary's minute, so that its mark is there to be seen getting old.
CANARY_KEPT_SECONDS = 24 * 3600


def mark_canary() -> None:
    cache.set(CANARY, clock.now().timestamp(), CANARY_KEPT_SECONDS)


@require_safe
@login_not_required
def metrics(request: HttpRequest) -> HttpResponse:  # noqa: ARG001
    registry = CollectorRegistry()
    for name, (help_text, value) in _figures().items():
        if value is not None:
            Gauge(name, help_text, registry=registry).set(value)
    waiting = Gauge(
        "thinkrr_waiting_oldest_seconds",
        "For how long the oldest of each kind has waited; of what we look at in turn, is overdue.",
        ["kind"],
        registry=registry,
    )
    for kind, one in waits.every().items():
        waiting.labels(kind=kind).set(one.oldest_overdue().total_seconds())
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def _figures() -> dict[str, tuple[str, float | None]]:
    """What an alert can be built on: each is normally near zero."""
    seen = cache.get(CANARY)
    open_purchases = Purchase.objects.open()
    waiting = StripeEvent.objects.waiting()
    return {
        "thinkrr_canary_age_seconds": (
            "Since a worker last did what beat asked.",
            None if seen is None else clock.now().timestamp() - seen,
        ),
        "thinkrr_purchases_open": ("Purchases without an outcome.", open_purchases.count()),
        "thinkrr_purchases_unknown": (
            "Purchases Stripe was asked to take and has not answered about.",
            open_purchases.filter(state=Purchase.State.SUBMITTED).count(),
        ),
        "thinkrr_stripe_events_waiting": ("Events not applied yet.", waiting.count()),
        "thinkrr_stripe_events_given_up": (
            "Events that could not be applied and wait for support.",
            StripeEvent.objects.exclude(given_up_at=None).filter(applied_at=None).count(),
        ),
        "thinkrr_intents_per_wallet_minute_most": (
            "The most intents of one wallet within a minute, of the last hour.",
            most_intents_in_a_minute(since=clock.now() - RECENT),
        ),
        "thinkrr_wallets_in_debt": (
            "Wallets whose credit is below zero.",
            Wallet.objects.filter(credit__lt=0).count(),
        ),
    }
