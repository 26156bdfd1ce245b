"""One figure of /metrics, and how those of one source are read."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from prometheus_client.core import GaugeMetricFamily

from accounts.cells import directory, place
from accounts.cells.place import Of

logger = logging.getLogger(__name__)

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
        # Cells that could not be asked: each try may take seconds.
        self._away: set[str] = set()

    def collect(self) -> list[GaugeMetricFamily]:
        return [family for family in self._families if family.samples]

    def add(self, figures: list[Figure], *, source: str) -> int:
        """Read the figures of one source up to the first that fails, and return how many are
        missing, in whole or those of a cell.

        What is away is not asked again for each of them: every try may take seconds.
        """
        missing = 0
        for told, figure in enumerate(figures):
            family = GaugeMetricFamily(figure.name, figure.text, labels=figure.labels)
            self._families.append(family)
            try:
                for labels, values in self._read(figure).items():
                    family.add_metric(labels, figure.together(values))
            # Whatever a driver raises, monitoring wants to hear the rest.
            except Exception as error:
                logger.warning("figures unread source=%s error=%s", source, type(error).__name__)
                return missing + len(figures) - told
            missing += bool(self._away) and figure.of is not Of.EVERYBODY
        return missing

    def _read(self, figure: Figure) -> dict[tuple[str, ...], list[float]]:
        """What it is in each place where it is at home."""
        found: dict[tuple[str, ...], list[float]] = {}

        def of_a_place(cell: str) -> None:
            if not place.concerns(figure.of) or cell in self._away:
                return
            try:
                for labels, value in figure.read():
                    found.setdefault(labels, []).append(value)
            except Exception as error:
                if not cell:
                    raise
                logger.warning("figures unread cell=%s error=%s", cell, type(error).__name__)
                self._away.add(cell)

        if figure.of is Of.EVERYBODY:
            of_a_place("")
        else:
            directory.everywhere(of_a_place)
        return found
