"""Group commit: what several threads want done at once, one of them does in one go.

Whoever comes while nobody is at work begins at once. Whoever comes meanwhile waits, and the first
of those who wait does the work of them all: the busier it gets, the fewer transactions there are.
"""

import threading
import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Wish, Result = TypeVar("Wish"), TypeVar("Result")

# Whoever has waited so long does its work alone: the one before it may wait for somebody else.
PATIENCE_SECONDS = 0.2


@dataclass(eq=False)
class _Member(Generic[Wish, Result]):
    wishes: Sequence[Wish]
    called: threading.Event = field(default_factory=threading.Event)
    # Whose work this one has to do, its own first.
    group: "list[_Member[Wish, Result]]" = field(default_factory=list)
    # What became of its wishes, when another one did them.
    results: list[Result] | None = None
    failure: Exception | None = None


@dataclass
class _Line(Generic[Wish, Result]):
    """Those who want the same kind of work: since when somebody is at it, and who waits."""

    since: float
    waiting: list[_Member[Wish, Result]] = field(default_factory=list)


class GroupCommit(Generic[Wish, Result]):
    """Does the work of those together who give the same key, up to `most` wishes at a time.

    A failure that `concerns_all` is raised for the whole group. After any other each does its own
    work alone: what one sends wrongly harms nobody else.
    """

    def __init__(
        self,
        *,
        most: int,
        concerns_all: Callable[[Exception], bool],
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        self._most, self._concerns_all, self._patience = most, concerns_all, patience
        self._lock = threading.Lock()
        self._lines: dict[Hashable, _Line[Wish, Result]] = {}

    def do(
        self,
        *,
        key: Hashable,
        wishes: Sequence[Wish],
        work: Callable[[Sequence[Wish]], list[Result]],
    ) -> list[Result]:
        """One result for each of no more than `most` wishes, in their order.

        `work` makes them, in this thread or in another one with the same key: it gets wishes and
        returns one result for each. Raises what it raises.
        """
        me = _Member(wishes)
        line = self._join(key, me)
        if not me.group and not (line and self._is_called(me, line)):
            return work(wishes)
        if me.group:
            try:
                self._do_all(me.group, work)
            finally:
                self._call_next(key)
        if me.failure is not None:
            raise me.failure
        return work(wishes) if me.results is None else me.results

    def _join(self, key: Hashable, me: _Member[Wish, Result]) -> _Line[Wish, Result] | None:
        """Begin, or stand in line. None where whoever is at work seems to be stuck."""
        now = time.monotonic()
        with self._lock:
            line = self._lines.get(key)
            if line is None:
                line = self._lines[key] = _Line(since=now)
                me.group = [me]
            elif now - line.since < self._patience:
                line.waiting.append(me)
            else:
                return None
        return line

    def _is_called(self, me: _Member[Wish, Result], line: _Line[Wish, Result]) -> bool:
        """Wait until somebody has done its work or leaves it to this one. False: in vain."""
        if me.called.wait(self._patience):
            return True
        with self._lock:
            if me in line.waiting:
                line.waiting.remove(me)
                return False
        # Somebody has it in hand, and ends as soon as the work does.
        return me.called.wait()

    def _do_all(
        self,
        group: list[_Member[Wish, Result]],
        work: Callable[[Sequence[Wish]], list[Result]],
    ) -> None:
        try:
            results = iter(work([wish for one in group for wish in one.wishes]))
            for one in group:
                one.results = [next(results) for _ in one.wishes]
        except Exception as failure:
            if len(group) == 1:
                raise
            if self._concerns_all(failure):
                for one in group:
                    one.failure = failure
        finally:
            for one in group[1:]:
                one.called.set()

    def _call_next(self, key: Hashable) -> None:
        with self._lock:
            line = self._lines[key]
            group = self._take(line)
            if group:
                line.since = time.monotonic()
                group[0].group = group
            else:
                del self._lines[key]
        if group:
            group[0].called.set()

    def _take(self, line: _Line[Wish, Result]) -> list[_Member[Wish, Result]]:
        """Those who have waited longest, as many as may be done at a time."""
        group, count = [], 0
        while line.waiting and count + len(line.waiting[0].wishes) <= self._most:
            group.append(line.waiting.pop(0))
            count += len(group[-1].wishes)
        return group
