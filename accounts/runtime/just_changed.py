"""Who has just changed something, for as long as a standby may not know it: a cookie says so.

It lasts as long as what a standby shows may be old, and holds nothing.
"""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from accounts.runtime import standby

# RFC 9110: what asks for nothing to be changed.
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class JustChangedMiddleware:
    """Marks whoever sends a form; programs have no cookies. Only there where a standby is read."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if request.method not in SAFE_METHODS and settings.SESSION_COOKIE_NAME in request.COOKIES:
            response.set_cookie(
                cookie_name(),
                "1",
                max_age=standby.OLDEST,
                secure=settings.SESSION_COOKIE_SECURE,
                httponly=True,
                samesite="Lax",
            )
        return response


def is_marked(request: HttpRequest) -> bool:
    return cookie_name() in request.COOKIES


def cookie_name() -> str:
    return "__Host-changed" if settings.SESSION_COOKIE_SECURE else "changed"
