"""One figure of /metrics, and how those of one source are read."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from prometheus_client.core import GaugeMetricFamily

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


def number(name: str, text: str, read: Callable[[], float]) -> Figure:
    """A figure without labels."""
    return Figure(name=name, text=text, read=lambda: [((), read())])


class Told:
    """The figures that could be read, for a registry."""

    def __init__(self) -> None:
        self._families: list[GaugeMetricFamily] = []

    def collect(self) -> list[GaugeMetricFamily]:
        return [family for family in self._families if family.samples]

    def add(self, figures: list[Figure], *, source: str) -> int:
        """Read the figures of one source up to the first that fails, and return how many are
        missing.

        What is away is not asked again for each of them: every try may take seconds.
        """
        for told, figure in enumerate(figures):
            family = GaugeMetricFamily(figure.name, figure.text, labels=figure.labels)
            self._families.append(family)
            try:
                for labels, value in figure.read():
                    family.add_metric(labels, value)
            # Whatever a driver raises, monitoring wants to hear the rest.
            except Exception as error:
                logger.warning("figures unread source=%s error=%s", source, type(error).__name__)
                return len(figures) - told
        return 0
