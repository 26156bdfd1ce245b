"""The balance chart as plain SVG figures, each day with the words that are read for it; and a table
for who cannot see it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from wallets.forecasts.ahead import Expected
from wallets.texts import day as written
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
class Reach:
    """A day as wide as a finger or a pointer finds it, and its words."""

    x: float
    width: float
    text: str
    is_today: bool = False


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
    days: list[Reach]
    # The forecast, in days to come: its line, and what it is most likely within.
    ahead_line: str = ""
    ahead_area: str = ""
    ahead: Sequence[tuple[date, Expected]] = ()
    # Where the past ends.
    today_x: float = WIDTH
    width: int = WIDTH
    height: int = HEIGHT


class _Scale:
    """Where days and dollars are drawn."""

    def __init__(self, values: Iterable[Decimal], days: int) -> None:
        shown = [Decimal(0), Decimal(1), *values]
        self.step = _nice_step((max(shown) - min(shown)) / _INTERVALS)
        self.low = (min(shown) / self.step).to_integral_value(ROUND_FLOOR) * self.step
        self.high = (max(shown) / self.step).to_integral_value(ROUND_CEILING) * self.step
        self.gap = WIDTH / max(days - 1, 1)

    def x(self, day: float) -> float:
        return round(day * self.gap, 1)

    def y(self, value: Decimal) -> float:
        return round(float((self.high - value) / (self.high - self.low)) * HEIGHT, 1)

    def path(self, points: Iterable[tuple[float, Decimal]]) -> str:
        return "M" + " L".join(f"{self.x(day)} {self.y(value)}" for day, value in points)

    def ticks(self) -> list[Tick]:
        count = int((self.high - self.low) / self.step)
        marks = [self.high - self.step * index for index in range(count + 1)]
        return [Tick(y=self.y(mark), label=usd(mark).removesuffix(".00")) for mark in marks]


def balance_chart(
    *,
    history: list[tuple[date, Decimal]],
    threshold: Decimal | None,
    recharges: dict[date, Decimal] | None = None,
    ahead: Sequence[Expected] = (),
) -> Chart:
    """Closing balances by day, oldest first, with the threshold as a dashed line.

    Days with recharges get a dot on the line. `ahead` goes on from the last day, dashed, with what
    it is most likely within around it.
    """
    recharges = recharges or {}
    values = [value for _, value in history]
    limits = [one for day in ahead for one in (day.credit, day.most) if one is not None]
    shown = [*values, *limits, *([threshold] if threshold else [])]
    scale = _Scale(shown, len(values) + len(ahead))
    line = scale.path(enumerate(values))
    last, bottom = len(values) - 1, scale.y(scale.low)
    coming = [(history[-1][0] + timedelta(days=one.days), one) for one in ahead]
    return Chart(
        line=line,
        area=f"{line} L{scale.x(last)} {bottom} L0 {bottom} Z",
        threshold_y=scale.y(threshold) if threshold else None,
        ticks=scale.ticks(),
        rows=[(day, value, recharges.get(day)) for day, value in reversed(history)],
        dots=[
            Dot(x=scale.x(index), y=scale.y(value), day=day, amount=recharges[day])
            for index, (day, value) in enumerate(history)
            if day in recharges
        ],
        days=[
            *_past(history, recharges, scale),
            *(_reach(scale, last + one.days, _in_words(day, one)) for day, one in coming),
        ],
        ahead_line=_ahead_line(scale, last, values[-1], ahead),
        ahead_area=_ahead_area(scale, last, values[-1], ahead),
        ahead=coming,
        today_x=scale.x(last),
    )


def _past(
    history: list[tuple[date, Decimal]], recharges: dict[date, Decimal], scale: _Scale
) -> Iterable[Reach]:
    for index, (day, value) in enumerate(history):
        text = f"{written(day)}: {usd(value)}"
        if day in recharges:
            text = f"{text}, recharged {usd(recharges[day])}"
        yield _reach(scale, index, text, is_today=index == len(history) - 1)


def _reach(scale: _Scale, day: int, text: str, *, is_today: bool = False) -> Reach:
    """Half a day to both sides, but none beyond the chart."""
    begins, ends = max(scale.x(day - 0.5), 0), min(scale.x(day + 0.5), WIDTH)
    return Reach(x=begins, width=round(ends - begins, 1), text=text, is_today=is_today)


def _in_words(day: date, one: Expected) -> str:
    text = f"{written(day)}: about {usd(one.credit)} expected"
    if one.least is None or one.most is None:
        return text
    return f"{text}, between {usd(one.least)} and {usd(one.most)}"


def _ahead_line(scale: _Scale, last: int, now: Decimal, ahead: Sequence[Expected]) -> str:
    if not ahead:
        return ""
    return scale.path([(last, now), *((last + one.days, one.credit) for one in ahead)])


def _ahead_area(scale: _Scale, last: int, now: Decimal, ahead: Sequence[Expected]) -> str:
    sure = [one for one in ahead if one.least is not None]
    if not sure:
        return ""
    most = [(last + one.days, one.most) for one in sure]
    least = [(last + one.days, one.least) for one in reversed(sure)]
    return f"{scale.path([(last, now), *most, *least])} Z"


def _nice_step(rough: Decimal) -> Decimal:
    """The next of 1, 2, 2.5, 5 times a power of ten that is not smaller."""
    power = Decimal(1).scaleb(rough.adjusted())
    return next(nice * power for nice in _NICE if nice * power >= rough)
