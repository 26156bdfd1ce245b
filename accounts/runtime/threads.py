"""Threads of a process beside its own, for questions that are asked at once.

They end like children of a worker: whoever had nothing to do for a while goes, and its connections
with it. Until then Django ends what is too old, or unusable, as between two requests.
"""

import os
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future

from django.db import close_old_connections, connections

# So many requests are at work in a web process: each of them finds one more thread.
MOST = 8
IDLE_SECONDS = 60.0

Job = tuple[Future[None], Callable[[], None]]


class Threads:
    """At most so many; each ends after `idle` seconds without work."""

    def __init__(self, most: int = MOST, *, idle: float = IDLE_SECONDS) -> None:
        self._most, self._idle = most, idle
        self._changed = threading.Condition()
        self._jobs: deque[Job] = deque()
        self._count = self._waiting = 0

    def begin(self, do: Callable[[], None]) -> Future[None]:
        """Have it done as soon as a thread is free."""
        future: Future[None] = Future()
        with self._changed:
            self._jobs.append((future, do))
            if len(self._jobs) > self._waiting and self._count < self._most:
                # A process that ends waits for none of them.
                threading.Thread(target=self._work, name="at-once", daemon=True).start()
                self._count += 1
            self._changed.notify()
        return future

    def _work(self) -> None:
        try:
            while job := self._next():
                _do(*job)
        finally:
            connections.close_all()

    def _next(self) -> Job | None:
        with self._changed:
            self._waiting += 1
            try:
                if self._changed.wait_for(lambda: self._jobs, self._idle):
                    return self._jobs.popleft()
                self._count -= 1
                return None
            finally:
                self._waiting -= 1


def _do(future: Future[None], do: Callable[[], None]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        close_old_connections()
        future.set_result(do())
    # Whatever it is, whoever waits hears of it.
    except BaseException as error:
        future.set_exception(error)


_of_process = Threads()


def of_process() -> Threads:
    return _of_process


def _begin_anew() -> None:
    """A fork leaves them behind."""
    global _of_process
    _of_process = Threads()


os.register_at_fork(after_in_child=_begin_anew)
