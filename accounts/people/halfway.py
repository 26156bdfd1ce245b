"""Between the password and the code of the second factor: a session that is not logged in yet."""

import time
from dataclasses import dataclass

from django.contrib.sessions.backends.base import SessionBase
from django.utils.crypto import constant_time_compare

from accounts.models import User
from accounts.people import second_factor

KEY = "halfway"
# Enough to find the phone, too short for somebody else to find the page.
SECONDS = 10 * 60


@dataclass(frozen=True)
class Halfway:
    """Who typed the right password, and where they wanted to go."""

    user: User
    after: str


def begin(session: SessionBase, *, user: User, after: str) -> None:
    """The password was right. What was in the session before stays with nobody."""
    session.flush()
    session[KEY] = {
        "user": user.pk,
        # Another password ends it, as it ends sessions.
        "hash": user.get_session_auth_hash(),
        # By the host's clock, as sessions end (thinkrr_billing/sessions.py).
        "at": int(time.time()),
        "after": after,
    }


def of(session: SessionBase) -> Halfway | None:
    """Who may enter a code now: for ten minutes, with the same password and second factor."""
    kept = session.get(KEY)
    if not kept or time.time() - kept["at"] > SECONDS:
        return None
    user = User.objects.filter(pk=kept["user"], is_active=True).first()
    if user is None or not constant_time_compare(kept["hash"], user.get_session_auth_hash()):
        return None
    return Halfway(user=user, after=kept["after"]) if second_factor.is_on(user=user) else None


def end(session: SessionBase) -> None:
    session.pop(KEY, None)
