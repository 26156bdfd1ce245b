"""What machines ask: am I alive, can I work, and a few figures. No log-in, no secrets."""

import logging
import time
from collections.abc import Callable

from celery import current_app
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.cache import cache
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Min
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest

from accounts import clock
from wallets.models import Purchase, StripeEvent, Wallet

logger = logging.getLogger(__name__)

CANARY = "canary"
# Longer than the canary's minute, so that its mark is there to be seen getting old.
CANARY_KEPT_SECONDS = 24 * 3600

_migrated = False


def mark_canary() -> None:
    cache.set(CANARY, time.time(), CANARY_KEPT_SECONDS)


@require_safe
@login_not_required
def healthz(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "ok"})


@require_safe
@login_not_required
def readyz(request: HttpRequest) -> JsonResponse:
    """503 while any part is missing, so that a load balancer sends nobody here."""
    parts = {
        "database": _state(_database),
        "migrations": _state(_migrations),
        "broker": _state(_broker),
    }
    ready = all(state == "ok" for state in parts.values())
    return JsonResponse(
        {"status": "ok" if ready else "unavailable", **parts}, status=200 if ready else 503
    )


@require_safe
@login_not_required
def metrics(request: HttpRequest) -> HttpResponse:
    registry = CollectorRegistry()
    for name, (help_text, value) in _figures().items():
        if value is not None:
            Gauge(name, help_text, registry=registry).set(value)
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def _figures() -> dict[str, tuple[str, float | None]]:
    """What an alert can be built on: each is normally near zero."""
    seen = cache.get(CANARY)
    open_purchases = Purchase.objects.open()
    waiting = StripeEvent.objects.waiting()
    oldest = waiting.aggregate(oldest=Min("received_at"))["oldest"]
    return {
        "thinkrr_canary_age_seconds": (
            "Since a worker last did what beat asked.",
            None if seen is None else time.time() - seen,
        ),
        "thinkrr_purchases_open": ("Purchases without an outcome.", open_purchases.count()),
        "thinkrr_purchases_unknown": (
            "Purchases Stripe was asked to take and has not answered about.",
            open_purchases.filter(state=Purchase.State.SUBMITTED).count(),
        ),
        "thinkrr_stripe_events_waiting": ("Events not applied yet.", waiting.count()),
        "thinkrr_stripe_events_oldest_seconds": (
            "Age of the oldest event not applied yet.",
            (clock.now() - oldest).total_seconds() if oldest else 0,
        ),
        "thinkrr_stripe_events_given_up": (
            "Events that could not be applied and wait for support.",
            StripeEvent.objects.exclude(given_up_at=None).filter(applied_at=None).count(),
        ),
        "thinkrr_wallets_in_debt": (
            "Wallets whose credit is below zero.",
            Wallet.objects.filter(credit__lt=0).count(),
        ),
    }


def _state(check: Callable[[], str]) -> str:
    try:
        return check()
    # Whatever a driver raises, the answer is that this part is missing.
    except Exception as error:
        return type(error).__name__


def _database() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = '2s'")
        try:
            # A standby answers, too, but nothing can be written there.
            cursor.execute("SELECT current_setting('transaction_read_only')")
            read_only = cursor.fetchone()[0] == "on"
        finally:
            cursor.execute("RESET statement_timeout")
    return "read-only" if read_only else "ok"


def migrations_are_pending() -> bool:
    """Whether the code is newer than the tables. False while PostgreSQL cannot be asked."""
    try:
        return _migrations() == "pending"
    except DatabaseError:
        logger.exception("whether migrations are pending is not known")
        return False
    finally:
        connection.close()


def _migrations() -> str:
    global _migrated
    # Asked until it is true; a process does not outlive its own migrations.
    if not _migrated:
        executor = MigrationExecutor(connection)
        _migrated = not executor.migration_plan(executor.loader.graph.leaf_nodes())
    return "ok" if _migrated else "pending"


def _broker() -> str:
    if settings.REDIS_URL:
        with current_app.connection_for_write() as broker:
            broker.ensure_connection(max_retries=1, interval_start=0, timeout=2)
    return "ok"
