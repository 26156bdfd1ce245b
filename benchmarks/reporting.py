"""What benchmarks have in common: figures of sides that took turns, one table, one file."""

import json
from collections import defaultdict
from pathlib import Path
from statistics import median, quantiles

from django.db import connection

DURABLE = ("fsync", "synchronous_commit", "full_page_writes")


class Figures:
    """What each side measured in each round, by what it did."""

    def __init__(self) -> None:
        self._rounds: dict[tuple[str, str], list[dict]] = defaultdict(list)
        self._sizes: dict[str, int] = {}

    def add(self, side: str, what: str, measured: dict, size: int) -> None:
        self._rounds[side, what].append(measured)
        self._sizes[what] = size

    def each(self) -> list[tuple[str, str]]:
        """Side and what it did, grouped by what was done."""
        order = list(self._sizes)
        return sorted(self._rounds, key=lambda pair: order.index(pair[1]))

    def speed(self, side: str, what: object) -> float:
        """Calls a second: the median of the rounds."""
        size = self._sizes[str(what)]
        rounds = self._rounds[side, str(what)]
        return median(len(one["each"]) * size / one["together"] for one in rounds)

    def milliseconds(self, side: str, what: object) -> tuple[float, float]:
        """The middle one, and the one that 99 of 100 stay below."""
        each = [seconds * 1000 for one in self._rounds[side, str(what)] for seconds in one["each"]]
        return median(each), quantiles(each, n=100, method="inclusive")[98]

    def python(self, side: str, what: object) -> float | None:
        return self._processor(side, str(what), "python")

    def postgres(self, side: str, what: object) -> float | None:
        return self._processor(side, str(what), "postgres")

    def _processor(self, side: str, what: str, whose: str) -> float | None:
        """Milliseconds of processor time a batch: the median of all of them."""
        each = [seconds for one in self._rounds[side, what] for seconds in one[whose]]
        return 1000 * median(each) if each else None


def print_table(figures: Figures, labels: dict[str, str], **names: str) -> None:
    """One line a side, under what it did; milliseconds are of one batch."""
    head = ("calls/s", "p50 ms", "p99 ms", "Python ms", "PostgreSQL ms")
    print(f"{'':34}" + "".join(f"{title:>14}" for title in head))
    shown = None
    for side, what in figures.each():
        if what != shown:
            print(names.get(what, f"{what} a batch" if what.isdigit() else what))
            shown = what
        values = (
            figures.speed(side, what),
            *figures.milliseconds(side, what),
            figures.python(side, what),
            figures.postgres(side, what),
        )
        cells = ("–" if value is None else f"{value:,.1f}" for value in values)
        print(f"  {labels[side]:32}" + "".join(f"{cell:>14}" for cell in cells))


def write(path: Path, figures: Figures, ratios: dict[str, float], **more: object) -> None:
    """Keep the figures beside each other, and print the ratios."""
    rows = [
        {
            "side": side,
            "what": what,
            "calls_a_second": figures.speed(side, what),
            "p50_ms": figures.milliseconds(side, what)[0],
            "p99_ms": figures.milliseconds(side, what)[1],
            "python_ms": figures.python(side, what),
            "postgres_ms": figures.postgres(side, what),
        }
        for side, what in figures.each()
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = {"ratios": ratios, "settings": settings_of_the_server(), "rows": rows, **more}
    path.write_text(json.dumps(kept, indent=2) + "\n")
    for name, ratio in ratios.items():
        print(f"{name:34}{ratio:>14.2f}")


def settings_of_the_server() -> dict[str, str]:
    """Its version, whether what it has committed is on the disk, and how it keeps its buffers."""
    with connection.cursor() as cursor:
        # Before 17 it did not say whether it has huge pages.
        cursor.execute(
            "SELECT name, coalesce(current_setting(name, true), '') FROM unnest(%s::text[]) name",
            [["server_version", *DURABLE, "shared_buffers", "huge_pages_status"]],
        )
        return dict(cursor.fetchall())
