"""Calls of all cells in one batch after the other, while something is done to the nodes."""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event

from django.db import connection

from accounts.cells.place import inside
from campaigns import batches
from campaigns.models import Call
from tests.cells.playing import insist
from tests.cells.story import Story

OF_EACH = 50
# Seconds that it goes on when it is to end: what is refused for longer is broken.
LONGEST = 60


@dataclass
class Sent:
    """What became of the calls of one cell."""

    charged: list[str] = field(default_factory=list)
    unavailable: int = 0
    # The longest time without one that was charged, in seconds.
    away: float = 0.0
    _last: float = field(default_factory=time.monotonic)

    def note_charged(self, ids: Sequence[str]) -> None:
        now = time.monotonic()
        self.away, self._last = max(self.away, now - self._last), now
        self.charged += ids

    def __str__(self) -> str:
        said = f"{len(self.charged)} charged, {self.away:.1f} s without at the most"
        return f"{said}, {self.unavailable} unavailable" if self.unavailable else said


@contextmanager
def under_load(told: Sequence[Story]) -> Iterator[dict[str, Sent]]:
    """Calls are reported while the block lasts, and sent again until all are charged. Insists at
    its end that each cell has each of them once, and that it is in step."""
    before, ends = {one.cell: _calls(one) for one in told}, Event()
    sent = {one.cell: Sent() for one in told}
    with ThreadPoolExecutor(1) as pool:
        sending = pool.submit(_send, told, sent, ends)
        try:
            _wait_for_both(sending, sent)
            yield sent
            _wait_for_both(sending, sent)
        finally:
            ends.set()
            sending.result()
    for one in told:
        ids = sent[one.cell].charged
        insist(len(set(ids)) == len(ids), f"{one.cell}: a call is charged twice")
        insist(
            _calls(one) == before[one.cell] + len(ids), f"{one.cell}: calls are missing, or more"
        )
        with inside(one.cell):
            one.in_step()
            one.the_books_are_in_order()


def _calls(one: Story) -> int:
    with inside(one.cell):
        return Call.objects.count()


def _wait_for_both(sending: Future, sent: dict[str, Sent]) -> None:
    """Until each has charged some more."""
    until = {cell: len(one.charged) + OF_EACH for cell, one in sent.items()}
    deadline = time.monotonic() + LONGEST
    while any(len(sent[cell].charged) < number for cell, number in until.items()):
        if sending.done():
            sending.result()
        insist(time.monotonic() < deadline, f"no call is charged any more: {sent}")
        time.sleep(0.05)


def _send(told: Sequence[Story], sent: dict[str, Sent], ends: Event) -> None:
    again: dict[str, list] = {one.cell: [] for one in told}
    deadline = float("inf")
    try:
        while not ends.is_set() or any(again.values()):
            if ends.is_set():
                deadline = min(deadline, time.monotonic() + LONGEST)
            insist(time.monotonic() < deadline, f"no call is charged any more: {sent}")
            for one in told:
                if not again[one.cell]:
                    again[one.cell] = one.reports(OF_EACH)
            whose = {report.id: cell for cell, reports in again.items() for report in reports}
            reports = [report for each in again.values() for report in each]
            again = _sort_out(batches.record(reports=reports, reporter=None), reports, whose, sent)
    finally:
        connection.close()


def _sort_out(
    answers: list, reports: list, whose: dict[str, str], sent: dict[str, Sent]
) -> dict[str, list]:
    """What is to be sent again, by its cell."""
    again = {cell: [] for cell in sent}
    charged = {cell: [] for cell in sent}
    for answer, report in zip(answers, reports, strict=True):
        cell = whose[report.id]
        if answer.error and answer.error.code == "unavailable":
            again[cell].append(report)
            sent[cell].unavailable += 1
        else:
            # One whose answer was lost is a duplicate, and was charged.
            insist(answer.status in ("charged", "duplicate"), f"{answer}")
            charged[cell].append(report.id)
    for cell, ids in charged.items():
        if ids:
            sent[cell].note_charged(ids)
    return again
