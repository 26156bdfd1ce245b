"""Ends a session nobody has used for settings.SESSION_IDLE_SECONDS, and every session at
settings.SESSION_COOKIE_AGE, however busy. Keeps the list of each person's (accounts.people)."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends import db
from django.contrib.sessions.backends.base import UpdateError
from django.http import HttpRequest, HttpResponse

from accounts.models import User
from accounts.people import open_sessions
from accounts.runtime.outages import is_outage

STARTED, SEEN = "started_at", "seen_at"
# Writing the session on every page would cost a row each; five minutes is exact enough.
WRITE_EVERY_SECONDS = 300


class SessionStore(db.SessionStore):
    """Django's own, named by SESSION_ENGINE."""

    def save(self, must_create: bool = False) -> None:
        """Django takes any failure to write for a session that was ended meanwhile, and answers
        400. What says that the database is away is raised as what it is."""
        try:
            super().save(must_create)
        except UpdateError as error:
            failure = error.__context__
            if is_outage(failure):
                raise failure from failure.__cause__
            raise


class SessionTimeoutMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        # Visitors without a session cookie cost nothing.
        if settings.SESSION_COOKIE_NAME in request.COOKIES and not request.session.is_empty():
            _look_at(request)
        response = self.get_response(request)
        _note(request)
        return response


def _look_at(request: HttpRequest) -> None:
    now = int(time.time())
    started = request.session.setdefault(STARTED, now)
    seen = request.session.setdefault(SEEN, now)
    if now - started > settings.SESSION_COOKIE_AGE or now - seen > settings.SESSION_IDLE_SECONDS:
        request.session.flush()
    elif now - seen > WRITE_EVERY_SECONDS:
        request.session[SEEN] = now
        open_sessions.seen(request)


def _note(request: HttpRequest) -> None:
    """After the page: it may have logged somebody in, or changed the session's key."""
    session, user = request.session, getattr(request, "user", None)
    # Not of whoever showed an API key beside a session, and of no session that was not asked for.
    if session.accessed and isinstance(user, User) and session.get(SESSION_KEY) == str(user.pk):
        started = session.get(STARTED)
        began_at = datetime.fromtimestamp(started, tz=UTC) if started else None
        open_sessions.note(request, user=user, began_at=began_at)
