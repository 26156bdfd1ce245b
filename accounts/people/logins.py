"""Slowing down whoever guesses passwords, without locking the owner out from elsewhere."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from importlib import import_module

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from accounts import clock
from accounts.models import FailedLogin
from accounts.runtime import brakes
from accounts.runtime.addresses import machine
from accounts.runtime.brakes import Brake

logger = logging.getLogger(__name__)

WINDOW = timedelta(minutes=15)
# Counted per address and machine, so that a stranger's guesses never lock the owner out.
MAX_FAILURES = 10
# One machine trying many addresses: more than an office's typing errors.
MAX_FAILURES_OF_ONE_MACHINE = 100
TOO_MANY = "Too many failed attempts. Wait 15 minutes and try again, or reset your password."
LOCK = "passwords tried by "
KEPT_FOR = timedelta(days=1)


@contextmanager
def trying(*, email: str, ip: str) -> Iterator[None]:
    """Around looking at a password: `TooMany` instead, when too many were wrong before it.

    The try is counted before the look and forgotten after one that ends well, so that those made
    at once are counted as exactly as those made one by one.
    """
    row = _count(email=_key(email), source=machine(ip))
    try:
        yield
    except Exception:
        logger.warning("password refused id=%s ip=%s", row.pk, ip)
        raise
    # A correct password ends the count for this address on this machine.
    FailedLogin.objects.filter(email=row.email, ip=row.ip).delete()


@transaction.atomic
def _count(*, email: str, source: str) -> FailedLogin:
    # One at a time for each machine, for as long as counting takes: not the password.
    brakes.one_at_a_time(f"{LOCK}{source}")
    of_machine = FailedLogin.objects.filter(ip=source)
    brakes.check(
        (
            _brake(of_machine.filter(email=email), MAX_FAILURES),
            _brake(of_machine, MAX_FAILURES_OF_ONE_MACHINE),
        )
    )
    return FailedLogin.objects.create(email=email, ip=source)


def _brake(rows: QuerySet, most: int) -> Brake:
    return Brake(rows=rows, most=most, within=WINDOW, refusal=TOO_MANY)


def forget_old_failures() -> None:
    FailedLogin.objects.filter(created_at__lte=clock.now() - KEPT_FOR).delete()


def forget_ended_sessions() -> None:
    """Whoever comes back with one of them is asked to log in; nothing else needs its row."""
    import_module(settings.SESSION_ENGINE).SessionStore.clear_expired()


def _key(email: str) -> str:
    return email.strip().lower()[:254]
