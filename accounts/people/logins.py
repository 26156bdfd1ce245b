"""Slowing down whoever guesses passwords, without locking the owner out from elsewhere."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.db import transaction
from django.db.models import QuerySet

from accounts import clock, limits
from accounts.models import FailedLogin, User
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
# Three of a million codes are right at a time: with so many guesses a day, one in twenty years.
MAX_CODES_OF_ONE_PERSON = 50
TOO_MANY_CODES = (
    "Too many wrong codes for this log-in today. If it was not you, somebody knows your password: "
    "choose another one, then you may try again."
)
LOCK = "passwords tried by "
KEPT_FOR = timedelta(days=1)


@contextmanager
def trying(*, email: str, ip: str) -> Iterator[None]:
    """Around looking at a password: `TooMany` instead, when too many were wrong before it.

    The try is counted before the look and forgotten after one that ends well, so that those made
    at once are counted as exactly as those made one by one.
    """
    with _counted(_key(email), source=machine(ip)):
        yield


@contextmanager
def trying_code(*, user: User, ip: str) -> Iterator[None]:
    """The same around a code of the second factor, of which a day's tries are counted from
    everywhere: who knows the password has as many machines as they like."""
    with _counted(_code_key(user), source=machine(ip), everywhere=MAX_CODES_OF_ONE_PERSON):
        yield


def forget_codes(*, user: User) -> None:
    """Who has another password now starts anew: whoever guessed does not know it."""
    FailedLogin.objects.filter(email=_code_key(user)).delete()


@contextmanager
def _counted(key: str, *, source: str, everywhere: int | None = None) -> Iterator[None]:
    row = _count(key, source=source, everywhere=everywhere)
    try:
        yield
    except Exception:
        logger.warning("password refused id=%s ip=%s", row.pk, row.ip)
        raise
    # A correct one ends the count for this address on this machine.
    FailedLogin.objects.filter(email=row.email, ip=row.ip).delete()


@transaction.atomic
def _count(key: str, *, source: str, everywhere: int | None) -> FailedLogin:
    # One at a time for each machine, for as long as counting takes: not the password.
    brakes.one_at_a_time(f"{LOCK}{source}", *([f"{LOCK}{key}"] if everywhere else []))
    of_machine, of_key = (
        FailedLogin.objects.filter(ip=source),
        FailedLogin.objects.filter(email=key),
    )
    brakes.check(
        (
            _brake(of_machine.filter(email=key), MAX_FAILURES),
            _brake(of_machine, MAX_FAILURES_OF_ONE_MACHINE),
        )
    )
    if everywhere:
        brakes.check([Brake(of_key, most=everywhere, within=limits.DAY, refusal=TOO_MANY_CODES)])
    return FailedLogin.objects.create(email=key, ip=source)


def _brake(rows: QuerySet, most: int) -> Brake:
    return Brake(rows=rows, most=most, within=WINDOW, refusal=TOO_MANY)


def forget_old_failures() -> None:
    FailedLogin.objects.filter(created_at__lte=clock.now() - KEPT_FOR).delete()


def _key(email: str) -> str:
    return email.strip().lower()[:254]


def _code_key(user: User) -> str:
    """Never what somebody typed as an address, which is in lower case."""
    return f"{user.email[:230]} (CODE {user.pk})"
