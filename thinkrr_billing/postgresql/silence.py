"""Gives up servers that keep a connection open and say nothing, as a frozen machine does.

PostgreSQL's own limit ends what takes too long, but needs a server that runs; the network sees a
machine that answers. Nothing else on our side would ever end such a wait.
"""

import os
import socket
import threading
import time
from collections.abc import Callable

from psycopg import Connection

from accounts.runtime import time_limits

# Seconds: longer than the longest statement may take (thinkrr_billing/database.py), so that only
# silence is cut off. A proxy in front, which asks the server itself, is sooner.
LONGEST = 40
LOOKS_EVERY = 1

# Until when somebody waits on which socket.
_waiting: dict[int, float] = {}
_begun = threading.Lock()


def bound(connection: Connection, *, seconds: float | None = None) -> None:
    """From now on, no wait on this connection takes longer (`LONGEST`, where nothing is said), nor
    than its caller waits (`time_limits.ends`): it ends as if the server had gone."""
    wait, socket_number = connection.wait, connection.fileno()

    def noted(*args: object, **kwargs: object) -> object:
        until = time.monotonic() + (seconds or LONGEST)
        _waiting[socket_number] = min(until, time_limits.ends.get() or until)
        try:
            return wait(*args, **kwargs)
        finally:
            _waiting.pop(socket_number, None)

    connection.wait = noted
    _watch_once()


def cut(*, now: float, shut: Callable[[int], None]) -> None:
    """Shut the sockets on which somebody has waited for too long, until `now` (monotonic)."""
    for number, until in list(_waiting.items()):
        if now > until and _waiting.get(number) == until:
            shut(number)


def _watch_once() -> None:
    """One thread a process; a fork leaves it behind, and with it the mark that it runs."""
    if _begun.acquire(blocking=False):
        threading.Thread(target=_watch, name="silence", daemon=True).start()


def _watch() -> None:
    while True:
        time.sleep(LOOKS_EVERY)
        cut(now=time.monotonic(), shut=_shut)


def _shut(number: int) -> None:
    with socket.socket(fileno=os.dup(number)) as one:
        one.shutdown(socket.SHUT_RDWR)


def _begin_anew() -> None:
    global _begun
    _begun = threading.Lock()
    _waiting.clear()


os.register_at_fork(after_in_child=_begin_anew)
