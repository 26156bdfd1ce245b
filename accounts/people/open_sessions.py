"""Where a person is logged in: Django's sessions, with a row beside each that says whose it is.

The row is written at log-in and follows the session when its key is changed. A session that is
ended here is not there at its next request."""

from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import Case, QuerySet, Value, When
from django.http import HttpRequest

from accounts import clock
from accounts.errors import Conflict
from accounts.models import OpenSession, User
from accounts.runtime.addresses import client_ip
from accounts.runtime.askers import asker_of

# In the session: the key under which its row stands.
NOTED = "noted_as"
# In the session of support that looks as a customer (django-hijack): it is none of the customer's.
LOOKING = "hijack_history"
# Thrown away in one run of the tick: a minute's log-ins are fewer.
FORGOTTEN_AT_ONCE = 1_000

THIS_ONE = "This is where you are now. Sign out instead. Nothing was changed."


def note(request: HttpRequest, *, user: User, began_at: datetime | None = None) -> None:
    """Have a row for the session of this request, whose key may have been changed since. Nothing
    is asked of the database when there is one already. Safe to repeat."""
    session = request.session
    if session.get(LOOKING) or session.get(NOTED, "") == session.session_key:
        return
    if not session.session_key:
        session.save()
    key = session.session_key
    if not OpenSession.objects.filter(session_key=session.get(NOTED, "")).update(session_key=key):
        _begin(request, user=user, key=key, began_at=began_at or clock.now())
    session[NOTED] = key


def _begin(request: HttpRequest, *, user: User, key: str, began_at: datetime) -> None:
    asker = asker_of(request)
    row = OpenSession(
        user=user, session_key=key, began_at=began_at, ip=asker.ip, browser=asker.browser
    )
    # Two pages of one session at once.
    OpenSession.objects.bulk_create([row], ignore_conflicts=True)


def seen(request: HttpRequest) -> None:
    """The session was used just now, from this address."""
    rows = OpenSession.objects.filter(session_key=request.session.session_key)
    rows.update(seen_at=clock.now(), ip=client_ip(request))


def of(*, user: User, current: str | None) -> QuerySet[OpenSession]:
    """Where this person is logged in now: the session with the key `current` first, then the last
    used ones."""
    now = clock.now()
    alive = Session.objects.filter(expire_date__gt=now).values("session_key")
    idle = timedelta(seconds=settings.SESSION_IDLE_SECONDS)
    rows = OpenSession.objects.filter(user=user, session_key__in=alive, seen_at__gt=now - idle)
    this_first = Case(When(session_key=current or "", then=Value(0)), default=Value(1))
    return rows.order_by(this_first, "-seen_at", "-pk")


def end(*, user: User, session_id: int, current: str | None) -> bool:
    """Whether it was there: one that has ended is ended. Raises Conflict for the current one."""
    rows = OpenSession.objects.filter(user=user, pk=session_id)
    if current and rows.filter(session_key=current).exists():
        raise Conflict(THIS_ONE)
    return _end(rows) > 0


def end_all(*, user: User, but: str | None = None) -> int:
    """End all of this person's sessions but the one with this key. Returns how many there were."""
    return _end(OpenSession.objects.filter(user=user).exclude(session_key=but or ""))


@transaction.atomic
def _end(rows: QuerySet[OpenSession]) -> int:
    keys = list(rows.values_list("session_key", flat=True))
    OpenSession.objects.filter(session_key__in=keys).delete()
    ended, _ = Session.objects.filter(session_key__in=keys).delete()
    return ended


def forget_old() -> None:
    """Rows of sessions that nobody has used for too long, and Django's of those that ran out."""
    now = clock.now()
    idle = now - timedelta(seconds=settings.SESSION_IDLE_SECONDS)
    for rows in (
        OpenSession.objects.filter(seen_at__lte=idle),
        Session.objects.filter(expire_date__lte=now),
    ):
        some = list(rows.values_list("pk", flat=True)[:FORGOTTEN_AT_ONCE])
        rows.filter(pk__in=some).delete()


def _logged_in(sender: object, request: HttpRequest, user: User, **kwargs: object) -> None:  # noqa: ARG001
    # Without a key it took the place of another person's, and may be support's that looks: by the
    # end of the request it is known (thinkrr_billing/sessions.py).
    if request.session.session_key:
        note(request, user=user)


def _logged_out(sender: object, request: HttpRequest, user: User | None, **kwargs: object) -> None:  # noqa: ARG001
    OpenSession.objects.filter(session_key=request.session.session_key or "").delete()


user_logged_in.connect(_logged_in, dispatch_uid="a session began")
user_logged_out.connect(_logged_out, dispatch_uid="a session ended")
