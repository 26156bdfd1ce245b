"""Slowing down whoever guesses passwords, without locking the owner out from elsewhere."""

import logging
from datetime import timedelta

from accounts import clock
from accounts.errors import TooMany
from accounts.models import FailedLogin

logger = logging.getLogger(__name__)

WINDOW = timedelta(minutes=15)
# Counted per address and machine, so that a stranger's guesses never lock the owner out.
MAX_FAILURES = 10
# One machine trying many addresses: more than an office's typing errors.
MAX_FAILURES_OF_ONE_MACHINE = 100
KEPT_FOR = timedelta(days=1)


def check(*, email: str, ip: str) -> None:
    """Pass, or raise `TooMany`. Ask before looking at the password."""
    recent = FailedLogin.objects.filter(ip=ip, created_at__gt=clock.now() - WINDOW)
    if (
        recent.filter(email=_key(email)).count() >= MAX_FAILURES
        or recent.count() >= MAX_FAILURES_OF_ONE_MACHINE
    ):
        raise TooMany(
            "Too many failed attempts. Wait 15 minutes and try again, or reset your password."
        )


def record_failure(*, email: str, ip: str) -> None:
    row = FailedLogin.objects.create(email=_key(email), ip=ip)
    logger.warning("log-in failed id=%s ip=%s", row.pk, ip)


def forget(*, email: str, ip: str) -> None:
    """A correct password ends the count for this address on this machine."""
    FailedLogin.objects.filter(email=_key(email), ip=ip).delete()


def forget_old_failures() -> None:
    FailedLogin.objects.filter(created_at__lte=clock.now() - KEPT_FOR).delete()


def _key(email: str) -> str:
    return email.strip().lower()[:254]
