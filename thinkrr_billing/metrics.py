"""A few figures for monitoring, and the canary's mark among them. For whoever has METRICS_TOKEN,
or, where there is none, asks from an address inside. No secrets."""

import logging
from collections.abc import Callable
from datetime import timedelta
from hmac import compare_digest

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest

from accounts import clock
from accounts.runtime import waits
from accounts.runtime.addresses import is_within
from accounts.runtime.queues import Queue
from accounts.runtime.waits import Wait
from thinkrr_billing import database_role
from wallets.books.rules import most_intents_in_a_minute
from wallets.models import Purchase, StripeEvent, Wallet

logger = logging.getLogger(__name__)

CANARY = "canary"
# A figure that is asked for each minute must be seen once; an hour shows it to those who are late.
RECENT = timedelta(hours=1)
# Longer than the canary's minute, so that its mark is there to be seen getting old.
CANARY_KEPT_SECONDS = 24 * 3600

WITHOUT_TOKEN = "Send METRICS_TOKEN as “Authorization: Bearer <token>”."
FROM_OUTSIDE = (
    "Without a METRICS_TOKEN the figures are told to addresses inside only. Set METRICS_TOKEN, "
    "and send it as “Authorization: Bearer <token>”."
)
# Whoever asks from inside asks us, and no proxy.
FORWARDED = ("X-Forwarded-For", "X-Forwarded-Proto", "Forwarded")

# Sets one gauge.
Figure = Callable[[CollectorRegistry], None]


def mark_canary() -> None:
    cache.set(CANARY, clock.now().timestamp(), CANARY_KEPT_SECONDS)


@require_safe
@login_not_required
def metrics(request: HttpRequest) -> HttpResponse:
    """Always 200 for whoever may ask: what cannot be read is left out, and counted."""
    if settings.METRICS_TOKEN:
        if not _has_token(request):
            headers = {"WWW-Authenticate": 'Bearer realm="metrics"'}
            return _refuse(WITHOUT_TOKEN, status=401, headers=headers)
    elif not _is_from_inside(request):
        return _refuse(FROM_OUTSIDE, status=403)
    registry = CollectorRegistry()
    unread = Gauge(
        "thinkrr_figures_unread",
        "How many figures are missing here, because this could not be asked.",
        ["source"],
        registry=registry,
    )
    for source, figures in (("cache", [_canary]), ("database", _of_database(registry))):
        unread.labels(source=source).set(_tell(figures, registry, source=source))
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def _has_token(request: HttpRequest) -> bool:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    # As bytes: a header may hold letters that compare_digest does not take as text.
    same = compare_digest(token.strip().encode(), settings.METRICS_TOKEN.encode())
    return scheme.lower() == "bearer" and same


def _is_from_inside(request: HttpRequest) -> bool:
    if any(name in request.headers for name in FORWARDED):
        return False
    return is_within(request.META.get("REMOTE_ADDR", ""), settings.METRICS_NETWORKS)


def _refuse(sentence: str, **kwargs: object) -> HttpResponse:
    return HttpResponse(sentence, content_type="text/plain; charset=utf-8", **kwargs)


def _tell(figures: list[Figure], registry: CollectorRegistry, *, source: str) -> int:
    """Set the figures of one source up to the first that fails, and return how many are missing.

    What is away is not asked again for each of them: every try may take seconds.
    """
    for told, figure in enumerate(figures):
        try:
            figure(registry)
        # Whatever a driver raises, monitoring wants to hear the rest.
        except Exception as error:
            logger.warning("figures unread source=%s error=%s", source, type(error).__name__)
            return len(figures) - told
    return 0


def _canary(registry: CollectorRegistry) -> None:
    if (seen := cache.get(CANARY)) is not None:
        gauge = Gauge(
            "thinkrr_canary_age_seconds",
            "Since a worker last did what beat asked.",
            registry=registry,
        )
        gauge.set(clock.now().timestamp() - seen)


def _of_database(registry: CollectorRegistry) -> list[Figure]:
    """What an alert can be built on: each is normally near zero."""
    numbers = [_number(*each) for each in _NUMBERS]
    waiting = Gauge(
        "thinkrr_waiting_oldest_seconds",
        "For how long the oldest of each kind has waited; of what we look at in turn, is overdue.",
        ["kind"],
        registry=registry,
    )
    bounds = Gauge(
        "thinkrr_waiting_bound_seconds",
        "For how long the oldest of each kind may wait; kinds that wait for others have none.",
        ["kind"],
        registry=registry,
    )
    return numbers + [_overdue(one, waiting, bounds) for one in waits.every().values()]


def _number(name: str, text: str, read: Callable[[], float]) -> Figure:
    def tell(registry: CollectorRegistry) -> None:
        value = read()
        Gauge(name, text, registry=registry).set(value)

    return tell


def _overdue(one: Queue | Wait, waiting: Gauge, bounds: Gauge) -> Figure:
    def tell(registry: CollectorRegistry) -> None:  # noqa: ARG001
        waiting.labels(kind=one.kind).set(one.oldest_overdue().total_seconds())
        if one.bound:
            bounds.labels(kind=one.kind).set(one.bound.total_seconds())

    return tell


_NUMBERS: list[tuple[str, str, Callable[[], float]]] = [
    (
        "thinkrr_purchases_open",
        "Purchases without an outcome.",
        lambda: Purchase.objects.open().count(),
    ),
    (
        "thinkrr_purchases_unknown",
        "Purchases Stripe was asked to take and has not answered about.",
        lambda: Purchase.objects.open().filter(state=Purchase.State.SUBMITTED).count(),
    ),
    (
        "thinkrr_stripe_events_waiting",
        "Events not applied yet.",
        lambda: StripeEvent.objects.waiting().count(),
    ),
    (
        "thinkrr_stripe_events_given_up",
        "Events that could not be applied and wait for support.",
        lambda: StripeEvent.objects.exclude(given_up_at=None).filter(applied_at=None).count(),
    ),
    (
        "thinkrr_intents_per_wallet_minute_most",
        "The most intents of one wallet within a minute, of the last hour.",
        lambda: most_intents_in_a_minute(since=clock.now() - RECENT),
    ),
    (
        "thinkrr_wallets_in_debt",
        "Wallets whose credit is below zero.",
        lambda: Wallet.objects.filter(credit__lt=0).count(),
    ),
    (
        "thinkrr_database_rights_wrong",
        "Rights that our database role has and should not, or the other way round.",
        lambda: len(database_role.differences()),
    ),
]
