"""Until when a message to a worker is worth something, by the one clock (docs/decisions/0012).

Celery's own `expires` compares the clocks of two hosts: a worker whose clock is two days ahead
would drop every message, and nobody would be told. So the sender says it in a header, by
PostgreSQL's clock, and the worker asks the same clock.
"""

from datetime import datetime, timedelta

from django.db import connection

from accounts import clock

USEFUL_UNTIL = "useful_until"


def useful_for(seconds: float) -> dict[str, str]:
    """The headers of a message that is worth nothing once this time has passed."""
    return {USEFUL_UNTIL: (clock.now() + timedelta(seconds=seconds)).isoformat()}


def is_late(useful_until: str | None) -> bool:
    """Whether its moment has passed. One without a moment is always worth its work."""
    if not useful_until:
        return False
    # Before its first connection a process knows no clock but its host's.
    connection.ensure_connection()
    return clock.now() > datetime.fromisoformat(useful_until)
