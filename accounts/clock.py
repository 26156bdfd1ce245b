"""The one clock. Everything asks `clock.now()`, so that demo data, simulations and tests can
run at a moment of their own."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime

from django.utils import timezone

_moment: ContextVar[datetime | None] = ContextVar("moment", default=None)


def now() -> datetime:
    """The moment it is, aware and in UTC."""
    return _moment.get() or timezone.now()


@contextmanager
def at(moment: datetime) -> Iterator[None]:
    """Let `now()` answer `moment` (aware) inside the block; blocks may be nested."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment!r} has no time zone: use an aware datetime, as in tzinfo=UTC.")
    token = _moment.set(moment.astimezone(UTC))
    try:
        yield
    finally:
        _moment.reset(token)
