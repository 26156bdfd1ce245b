"""The balance chart as plain SVG figures: no script, and a table for who cannot see it."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

WIDTH, HEIGHT = 720, 160
_GRID_LINES = 3


@dataclass(frozen=True)
class Chart:
    line: str
    area: str
    threshold_y: float | None
    grid: list[tuple[float, Decimal]]
    rows: list[tuple[date, Decimal]]
    width: int = WIDTH
    height: int = HEIGHT


def balance_chart(*, history: list[tuple[date, Decimal]], threshold: Decimal | None) -> Chart:
    """Closing balances by day, oldest first, with the threshold as a dashed line."""
    values = [value for _, value in history]
    low = min([Decimal(0), *values])
    high = max([Decimal(1), *values, *([threshold * 2] if threshold else [])])

    def y(value: Decimal) -> float:
        return round(float((high - value) / (high - low)) * HEIGHT, 1)

    step = WIDTH / max(len(history) - 1, 1)
    points = [(round(index * step, 1), y(value)) for index, value in enumerate(values)]
    line = "M" + " L".join(f"{x} {top}" for x, top in points)
    span = (high - low) / _GRID_LINES
    grid = [low + span * index for index in range(_GRID_LINES + 1)]
    return Chart(
        line=line,
        area=f"{line} L{points[-1][0]} {y(low)} L0 {y(low)} Z",
        threshold_y=y(threshold) if threshold else None,
        grid=[(y(value), value) for value in grid],
        rows=list(reversed(history)),
    )
