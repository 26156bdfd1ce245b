"""When somebody last typed their password, with a code if they have a second factor. What gives
others money or a way in asks for it again after a while, so that a session left open or stolen is
not enough."""

import time

from django.contrib.auth.signals import user_logged_in
from django.contrib.sessions.backends.base import SessionBase

TYPED_AT = "password_typed_at"
# Long enough to set up an account in one go, shorter than most absences from a desk.
SECONDS = 15 * 60

_asked: set[str] = set()


def ask_before(*views: str) -> None:
    """Ask for the password before what is sent to these views. Each app does so for its own."""
    _asked.update(views)


def asked() -> frozenset[str]:
    return frozenset(_asked)


def is_fresh(session: SessionBase) -> bool:
    # By the host's clock, as sessions end (thinkrr_billing/sessions.py).
    return time.time() - session.get(TYPED_AT, 0) <= SECONDS


def mark(session: SessionBase) -> None:
    session[TYPED_AT] = int(time.time())


def forget(session: SessionBase) -> None:
    """As if it had been typed long ago: the session has become another person's."""
    session.pop(TYPED_AT, None)


def _at_log_in(sender: object, request: object, **kwargs: object) -> None:  # noqa: ARG001
    mark(request.session)


user_logged_in.connect(_at_log_in, dispatch_uid="password typed at log-in")
