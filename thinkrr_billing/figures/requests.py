"""How long requests take, and how they end: counted by each process, added up when asked.

Each of gunicorn's workers writes a file of its own, in a folder that gunicorn.conf.py names; where
none is named there is one process, and it keeps them in memory. What nginx answers by itself is
not known here.
"""

import logging
import os
import time
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import Resolver404, resolve
from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from thinkrr_billing.headers import ANSWERED
from thinkrr_billing.probes import PATHS

logger = logging.getLogger(__name__)

# Seconds. docs/objectives.md counts pages by one of them.
BOUNDS = (0.025, 0.1, 0.25, 0.5, 1, 2.5, 10)
# By how their routes begin; everything else is a page.
PARTS = {"api/": "api", "admin/": "support", "looking/": "support", "stripe/": "stripe"}
UNROUTED = "unrouted"

IN_MEMORY = CollectorRegistry()
# Two releases take turns on a socket, each with counters of its own: `checkout` tells them apart.
DURATION = Histogram(
    "thinkrr_http_request_duration_seconds",
    "Seconds from a request to the begin of its answer, without probes. The access log has each.",
    ["checkout", "part", "route", "method", "status"],
    buckets=BOUNDS,
    registry=IN_MEMORY,
)


class RequestFiguresMiddleware:
    """Outside of whatever may refuse a request: a refusal is an answer, too."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path_info in PATHS:
            return self.get_response(request)
        began = time.perf_counter()
        response = self.get_response(request)
        seconds = time.perf_counter() - began
        try:
            _labelled(request, response).observe(seconds)
        # A full or missing folder costs a figure, never an answer.
        except OSError as error:
            logger.warning("request not counted error=%s", type(error).__name__)
        return response


def text() -> bytes | None:
    """All requests of this host's processes since they were started, as Prometheus reads them.

    None when what the processes wrote cannot be read.
    """
    folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    if not folder:
        return generate_latest(IN_MEMORY)
    registry = CollectorRegistry()
    try:
        MultiProcessCollector(registry, folder)
        return generate_latest(registry)
    # A folder that is gone is a ValueError.
    except (OSError, ValueError) as error:
        logger.warning("figures unread source=requests error=%s", type(error).__name__)
        return None


def part_of(route: str) -> str:
    if route == UNROUTED:
        return UNROUTED
    return next((part for begin, part in PARTS.items() if route.startswith(begin)), "pages")


def _labelled(request: HttpRequest, response: HttpResponse) -> Histogram:
    """By nothing that a sender can make up: each would be kept for ever."""
    route = _route(request)
    return DURATION.labels(
        checkout=settings.BASE_DIR.name,
        part=part_of(route),
        route=route,
        method=request.method if request.method in ANSWERED else "other",
        status=f"{response.status_code // 100}xx",
    )


def _route(request: HttpRequest) -> str:
    """A middleware may have refused it, or failed, before anybody looked where it leads."""
    try:
        return (request.resolver_match or resolve(request.path_info)).route
    except Resolver404:
        return UNROUTED
