"""Sessions that take turns step by step, and wait for each other as PostgreSQL makes them wait."""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager

import psycopg
from django.db import connection

# Between two looks whether a step is done, or waits for another session.
LOOK_SECONDS = 0.002
# A deadlock is found soon, and nobody waits for ever.
SETTINGS = "SET deadlock_timeout = '100ms'; SET lock_timeout = '10s'"


class Session:
    """A connection of the tables' owner, in a thread of its own."""

    def __init__(self, connected: psycopg.Connection) -> None:
        self._connection = connected
        self._thread = ThreadPoolExecutor(max_workers=1)
        self._steps: list[Future] = []

    @property
    def pid(self) -> int:
        return self._connection.info.backend_pid

    def send(self, step: str) -> None:
        """Begin this as soon as the steps before have ended."""
        self._steps.append(self._thread.submit(self._do, step))

    @property
    def open_steps(self) -> list[Future]:
        return [step for step in self._steps if not step.done()]

    def told(self) -> tuple[str, ...]:
        """What PostgreSQL answered to each step since the last time: its tag, or the error's code.

        Waits for the last.
        """
        steps, self._steps = self._steps, []
        return tuple(step.result() for step in steps)

    def _do(self, step: str) -> str:
        try:
            return self._connection.execute(step).statusmessage
        except psycopg.Error as error:
            return error.sqlstate

    def close(self) -> None:
        self._thread.shutdown()
        self._connection.close()


class Sessions:
    """Sessions by their names, and one that looks who waits."""

    def __init__(self, names: Iterable[str]) -> None:
        self._sessions = {name: Session(_connect()) for name in names}
        self._watch = _connect()

    def play(self, steps: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
        """Have each session do its next step in this order. One that waits gets its steps later.

        Returns what each session was told, step by step.
        """
        for name, step in steps:
            self._sessions[name].send(step)
            self._settle()
        return {name: one.told() for name, one in self._sessions.items()}

    def _settle(self) -> None:
        """Until every session has done its steps, or waits for another."""
        while busy := [
            (one, step) for one in self._sessions.values() for step in one.open_steps[:1]
        ]:
            wait([step for _, step in busy], timeout=LOOK_SECONDS)
            if all(not step.done() and self._waits(one) for one, step in busy):
                return

    def _waits(self, one: Session) -> bool:
        asked = self._watch.execute("SELECT pg_blocking_pids(%s)", [one.pid])
        return bool(asked.fetchone()[0])

    def close(self) -> None:
        for one in self._sessions.values():
            one.close()
        self._watch.close()


@contextmanager
def open_sessions(*names: str) -> Iterator[Sessions]:
    opened = Sessions(names)
    try:
        yield opened
    finally:
        opened.close()


def orders(first: int, second: int) -> Iterator[Sequence[int]]:
    """Every order in which so many steps of session 0 and of session 1 can follow each other."""
    if not first and not second:
        yield ()
    if first:
        yield from ((0, *rest) for rest in orders(first - 1, second))
    if second:
        yield from ((1, *rest) for rest in orders(first, second - 1))


def _connect() -> psycopg.Connection:
    opened = psycopg.connect(**connection.get_connection_params(), autocommit=True)
    opened.execute(SETTINGS)
    return opened
