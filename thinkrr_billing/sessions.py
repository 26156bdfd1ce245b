"""Ends a session nobody has used for settings.SESSION_IDLE_SECONDS, and every session at
settings.SESSION_COOKIE_AGE, however busy."""

import time
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

STARTED, SEEN = "started_at", "seen_at"
# Writing the session on every page would cost a row each; five minutes is exact enough.
WRITE_EVERY_SECONDS = 300


class SessionTimeoutMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        # Visitors without a session cookie cost nothing.
        if settings.SESSION_COOKIE_NAME in request.COOKIES and not request.session.is_empty():
            _look_at(request)
        return self.get_response(request)


def _look_at(request: HttpRequest) -> None:
    now = int(time.time())
    started = request.session.setdefault(STARTED, now)
    seen = request.session.setdefault(SEEN, now)
    if now - started > settings.SESSION_COOKIE_AGE or now - seen > settings.SESSION_IDLE_SECONDS:
        request.session.flush()
    elif now - seen > WRITE_EVERY_SECONDS:
        request.session[SEEN] = now
