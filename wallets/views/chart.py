"""The balance chart as plain SVG figures: no script, and a table for who cannot see it."""

from dataclasses import dataclass
from datetime import date
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from wallets.texts import usd

WIDTH, HEIGHT = 720, 160
_INTERVALS = 3
_NICE = (Decimal(1), Decimal(2), Decimal("2.5"), Decimal(5), Decimal(10))


@dataclass(frozen=True)
class Tick:
    y: float
    label: str


@dataclass(frozen=True)
class Dot:
    """A day's recharges, on the line."""

    x: float
    y: float
    day: date
    amount: Decimal


@dataclass(frozen=True)
class Chart:
    line: str
    area: str
    threshold_y: float | None
    # Evenly spaced, from the top.
    ticks: list[Tick]
    # Newest first: the day, its closing balance, and what recharges brought, if any did.
    rows: list[tuple[date, Decimal, Decimal | None]]
    dots: list[Dot]
    width: int = WIDTH
    height: int = HEIGHT


def balance_chart(
    *,
    history: list[tuple[date, Decimal]],
    threshold: Decimal | None,
    recharges: dict[date, Decimal] | None = None,
) -> Chart:
    """Closing balances by day, oldest first, with the threshold as a dashed line.

    Days with recharges get a dot on the line.
    """
    recharges = recharges or {}
    values = [value for _, value in history]
    shown = [Decimal(0), Decimal(1), *values, *([threshold] if threshold else [])]
    step = _nice_step((max(shown) - min(shown)) / _INTERVALS)
    low = (min(shown) / step).to_integral_value(ROUND_FLOOR) * step
    high = (max(shown) / step).to_integral_value(ROUND_CEILING) * step

    def y(value: Decimal) -> float:
        return round(float((high - value) / (high - low)) * HEIGHT, 1)

    gap = WIDTH / max(len(values) - 1, 1)
    points = [(round(index * gap, 1), y(value)) for index, value in enumerate(values)]
    line = "M" + " L".join(f"{x} {top}" for x, top in points)
    count = int((high - low) / step)
    marks = [high - step * index for index in range(count + 1)]
    return Chart(
        line=line,
        area=f"{line} L{points[-1][0]} {y(low)} L0 {y(low)} Z",
        threshold_y=y(threshold) if threshold else None,
        ticks=[Tick(y=y(mark), label=usd(mark).removesuffix(".00")) for mark in marks],
        rows=[(day, value, recharges.get(day)) for day, value in reversed(history)],
        dots=[
            Dot(x=x, y=top, day=day, amount=recharges[day])
            for (day, _), (x, top) in zip(history, points, strict=True)
            if day in recharges
        ],
    )


def _nice_step(rough: Decimal) -> Decimal:
    """The next of 1, 2, 2.5, 5 times a power of ten that is not smaller."""
    power = Decimal(1).scaleb(rough.adjusted())
    return next(nice * power for nice in _NICE if nice * power >= rough)
