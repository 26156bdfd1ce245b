"""What load balancers and monitoring ask is answered whatever they send along: they name an
address, not a host of ours, and a cookie of somebody's browser would need the database."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

PATHS = frozenset({"/healthz", "/readyz", "/metrics"})


class ProbesMiddleware:
    """First of all: nothing after it may refuse a probe for its Host, or look for its session."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path_info in PATHS:
            # No answer to a probe holds a link, so the name of the host decides nothing in it.
            request.META["HTTP_HOST"] = settings.ALLOWED_HOSTS[0].lstrip(".")
            request.META.pop("HTTP_COOKIE", None)
        return self.get_response(request)
