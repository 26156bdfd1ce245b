"""What load balancers ask: am I alive, can I work. No log-in, no secrets."""

import logging
from collections.abc import Callable

from celery import current_app
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError, connection, transaction
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from accounts.cells import directory
from accounts.runtime import reachable, threads
from accounts.runtime.outages import RETRY_AFTER
from thinkrr_billing import unmigrated
from thinkrr_billing.database import without_limits

logger = logging.getLogger(__name__)

OLDER = "The database is older than this code: run `manage.py migrate` first."

_migrated = False


@require_safe
@login_not_required
def healthz(request: HttpRequest) -> JsonResponse:  # noqa: ARG001
    return JsonResponse({"status": "ok"})


@require_safe
@login_not_required
def readyz(request: HttpRequest) -> JsonResponse:  # noqa: ARG001
    """503 while any part is missing, so that a load balancer sends nobody here."""
    parts = {
        "database": _state(_database),
        "migrations": _state(_migrations),
        "cells": _state(_cells),
        "broker": _state(_broker),
    }
    ready = all(state == "ok" for state in parts.values())
    if ready:
        return JsonResponse({"status": "ok", **parts})
    headers = {"Retry-After": str(RETRY_AFTER)}
    return JsonResponse({"status": "unavailable", **parts}, status=503, headers=headers)


def _state(check: Callable[[], str]) -> str:
    try:
        return check()
    # Whatever a driver raises, the answer is that this part is missing.
    except Exception as error:
        return type(error).__name__


def _database() -> str:
    """Tries what work needs: a standby answers, too, and so does a server whose files were replaced
    under its feet, on which no trigger can run."""
    with transaction.atomic(), connection.cursor() as cursor:
        # For this transaction: behind a pooler the session is the next client's.
        cursor.execute("SET LOCAL statement_timeout = '2s'")
        cursor.execute("DO 'BEGIN NULL; END'")
        cursor.execute("SELECT current_setting('transaction_read_only')")
        read_only = cursor.fetchone()[0] == "on"
    if missing := without_limits():
        return f"without {', '.join(missing)}"
    return "read-only" if read_only else "ok"


def why_not_to_start() -> str:
    """A sentence when the database is not the one this process is for. Empty while PostgreSQL
    cannot be asked."""
    try:
        # Its caller forks: no thread of this process is to have a connection then.
        return OLDER if _migrations(at_once=1) == "pending" else directory.contradiction()
    except directory.NoCell as error:
        return str(error)
    except DatabaseError:
        logger.exception("whether the database is that of this code is not known")
        return ""
    finally:
        connection.close()


def _migrations(*, at_once: int = threads.MOST) -> str:
    global _migrated
    # Asked until it is true; a process does not outlive its own migrations.
    if not _migrated:
        behind, away = reachable.ask_each(directory.places(), _is_behind, most=at_once)
        if any(behind.values()):
            return "pending"
        # A cell that is away keeps this host from none of the others.
        _migrated = not away
    return "ok"


def _is_behind(_: str) -> bool:
    return unmigrated.is_behind()


def _cells() -> str:
    return directory.contradiction() or "ok"


def _broker() -> str:
    if settings.REDIS_URL:
        with current_app.connection_for_write() as broker:
            broker.ensure_connection(max_retries=1, interval_start=0, timeout=2)
    return "ok"
