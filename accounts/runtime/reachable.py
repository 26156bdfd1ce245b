"""Asking several cells, at once where that helps; one that fails or hangs is no reason to leave out
the others."""

import logging
import time
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import wait
from contextlib import ExitStack, suppress
from contextvars import ContextVar, copy_context
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar
from uuid import UUID

from django.db import OperationalError, connection

from accounts.cells import directory, place
from accounts.cells.directory import NoCell
from accounts.models import Account
from accounts.runtime import threads, time_limits
from accounts.runtime.outages import is_outage
from accounts.runtime.time_limits import TimeIsUp

T = TypeVar("T")

logger = logging.getLogger(__name__)

# Whoever is asked beside its caller asks others by itself: threads never wait for threads.
_is_beside: ContextVar[bool] = ContextVar("beside", default=False)


class Late(OperationalError):
    """A cell that did not answer in time, as if its database were away."""


@dataclass(frozen=True)
class Told(Generic[T]):
    """What a cell has answered, or why it has not."""

    cell: str
    answer: T | None = None
    error: Exception | None = None
    # The same may work when it is asked again. What was sent may have been done.
    is_away: bool = False


def in_each(
    cells: Iterable[str], do: Callable[[str], T], *, most: int = 1, ends: float | None = None
) -> list[Told[T]]:
    """What became of `do` inside of each of these cells, in their order. It is given their names.

    Up to `most` are asked at once, by threads that know of the request what this one knows, each
    with a connection of its own; one after the other, and here, where there is only one or a
    transaction is open. Whoever has not answered at `ends` (monotonic) is Late, and given up.
    """
    asked = list(cells)
    most = min(most, len(asked))
    if most < 2 or connection.in_atomic_block or _is_beside.get():
        return [_ask(cell, do) for cell in asked]
    told: dict[str, Told[T]] = {}
    left, watching = deque(asked), list(connection.execute_wrappers)

    def go_on() -> None:
        _is_beside.set(True)
        time_limits.ends.set(ends)
        with ExitStack() as stack, suppress(IndexError):
            for one in watching:
                stack.enter_context(connection.execute_wrapper(one))
            while True:
                cell = left.popleft()
                told[cell] = _ask(cell, do)

    begin = threads.of_process().begin
    at_work = [begin(partial(copy_context().run, go_on)) for _ in range(most)]
    try:
        wait(at_work, timeout=ends and max(0.0, ends - time.monotonic()))
    finally:
        left.clear()
        given_up = [one.cancel() for one in at_work]
    for one, never_begun in zip(at_work, given_up, strict=True):
        if one.done() and not never_begun:
            one.result()
    return [told.get(cell) or _late(cell) for cell in asked]


def _ask(cell: str, do: Callable[[str], T]) -> Told[T]:
    with place.inside(cell):
        try:
            return Told(cell, do(cell))
        except TimeIsUp:
            raise
        except Exception as error:
            is_away = bool(cell) and is_outage(error)
            if is_away:
                logger.warning("a cell is away cell=%s error=%s", cell, type(error).__name__)
            if not connection.in_atomic_block:
                # The next one is not to find what this one has left.
                connection.close_if_unusable_or_obsolete()
            return Told(cell, error=error, is_away=is_away)


def _late(cell: str) -> Told:
    logger.warning("a cell is late cell=%s", cell)
    error = Late(f"The cell {cell} did not answer in time." if cell else "No answer in time.")
    return Told(cell, error=error, is_away=bool(cell))


def ask_each(
    cells: Iterable[str], do: Callable[[str], T], *, most: int = 1
) -> tuple[dict[str, T], list[str]]:
    """What `do` answers inside of each of these cells, and those that cannot be asked now.

    Raises whatever is no outage of a cell.
    """
    answers, away = {}, []
    for told in in_each(cells, do, most=most):
        if told.is_away:
            away.append(told.cell)
        elif told.error is not None:
            raise told.error
        else:
            answers[told.cell] = told.answer
    return answers, away


def told_apart(told: Iterable[Told[T]]) -> tuple[list[T], list[str]]:
    """What was answered, and a line for each cell that failed, for commands.

    Raises what has failed outside of all cells: then it is not a cell's own.
    """
    answers, failed = [], []
    for one in told:
        if one.error is None:
            answers.append(one.answer)
        elif one.cell:
            failed.append(f"The cell {one.cell}: {one.error}")
        else:
            raise one.error
    return answers, failed


def cell_of(account_id: UUID) -> str:
    """As `directory.of_account`. Raises NoCell for an account that there is and nobody noted."""
    cell = directory.of_account(account_id)
    if not cell and unnoted({account_id}):
        raise NoCell(f"account {account_id} is noted in no cell")
    return cell


def unnoted(account_ids: set[UUID]) -> set[UUID]:
    """Which of these, that are noted in no cell, stand in one all the same, as after `public` was
    restored from an older backup. All of them while a cell cannot be asked."""
    if not account_ids:
        return set()
    found, away = ask_each(directory.names(), lambda _: set(_present(account_ids)))
    return account_ids if away else set().union(*found.values())


def _present(account_ids: set[UUID]) -> Iterable[UUID]:
    return Account.objects.filter(pk__in=account_ids).values_list("pk", flat=True)
