"""One figure of /metrics, and how those of one source are read."""

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import chain
from typing import Any

from prometheus_client.core import GaugeMetricFamily

from accounts.cells import directory, place
from accounts.cells.place import Of
from accounts.runtime import reachable, threads

logger = logging.getLogger(__name__)

# Prometheus waits for ten: a cell that hangs is missing, and the others are told.
WITHIN_SECONDS = 8.0

# The values of a figure's labels, in their order, and what it is for these.
Sample = tuple[tuple[str, ...], float]


@dataclass(frozen=True, kw_only=True)
class Figure:
    name: str
    # For whoever looks at it: what, in which unit, and where to look.
    text: str
    # Gives nothing where there is nothing to tell.
    read: Callable[[], Iterable[Sample]]
    labels: tuple[str, ...] = ()
    # Whose it is, and how those of several cells become one. An alert needs no more than that:
    # the dashboard shows which cell it is.
    of: Of = Of.EVERYBODY
    together: Callable[[Iterable[float]], float] = max


def number(name: str, text: str, read: Callable[[], float], **more: Any) -> Figure:
    """A figure without labels."""
    return Figure(name=name, text=text, read=lambda: [((), read())], **more)


class Told:
    """The figures that could be read, for a registry."""

    def __init__(self) -> None:
        self._families: list[GaugeMetricFamily] = []

    def collect(self) -> list[GaugeMetricFamily]:
        return [family for family in self._families if family.samples]

    def add(self, figures: list[Figure], *, source: str) -> int:
        """Read the figures of one source, in each place up to the first that fails, and return how
        many are missing, in whole or those of a cell.

        What is away is not asked again for each of them: every try may take seconds.
        """
        try:
            read = _read(figures, source)
        # Whatever a driver raises, monitoring wants to hear the rest.
        except Exception as error:
            logger.warning("figures unread source=%s error=%s", source, type(error).__name__)
            return len(figures)
        missing = 0
        for figure, found in zip(figures, zip(*read, strict=True), strict=True):
            self._add(figure, [samples for samples in found if samples is not None])
            missing += None in found
        return missing

    def _add(self, figure: Figure, found: list[list[Sample]]) -> None:
        values: dict[tuple[str, ...], list[float]] = {}
        for labels, value in chain.from_iterable(found):
            values.setdefault(labels, []).append(value)
        family = GaugeMetricFamily(figure.name, figure.text, labels=figure.labels)
        for labels, together in values.items():
            family.add_metric(labels, figure.together(together))
        self._families.append(family)


# What each figure of a source is in one place; None where that could not be asked.
_Here = list[list[Sample] | None]


def _read(figures: list[Figure], source: str) -> list[_Here]:
    """In each place where they are at home."""
    is_everybodys = all(figure.of is Of.EVERYBODY for figure in figures)
    told = reachable.in_each(
        [""] if is_everybodys else directory.places(),
        lambda _: _read_here(figures, source),
        most=threads.MOST,
        ends=time.monotonic() + WITHIN_SECONDS,
    )
    return [one.answer or _unread_there(figures, one.cell) for one in told]


def _read_here(figures: list[Figure], source: str) -> _Here:
    read: _Here = []
    for figure in figures:
        try:
            read.append(list(figure.read()) if place.concerns(figure.of) else [])
        except Exception as error:
            of = f"{source} cell={here}" if (here := place.current()) else source
            logger.warning("figures unread source=%s error=%s", of, type(error).__name__)
            break
    return read + _unread(figures[len(read) :])


def _unread_there(figures: list[Figure], cell: str) -> _Here:
    with place.inside(cell):
        return _unread(figures)


def _unread(figures: list[Figure]) -> _Here:
    return [None if place.concerns(figure.of) else [] for figure in figures]
