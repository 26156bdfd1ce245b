"""Usage as bars: plain SVG figures, each bar with the words that are read for it."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db.models import TextChoices

from campaigns import limits
from campaigns.templatetags.usage import whole_duration
from campaigns.usage import Figures
from wallets.texts import day, exact_minutes, usd

WIDTH, HEIGHT = 720, 160
GAP = Decimal("0.2")
# Days of a bar, and what they are called.
STEPS = {1: "day", 7: "week", 28: "four weeks"}


class Measure(TextChoices):
    MINUTES = "minutes", "Minutes"
    DOLLARS = "dollars", "Dollars"
    CALLS = "calls", "Calls"


@dataclass(frozen=True)
class Bar:
    """The days it stands for, in words with their figures, and where it is drawn."""

    text: str
    x: Decimal
    width: Decimal
    y: Decimal
    height: Decimal


@dataclass(frozen=True)
class Chart:
    bars: list[Bar]
    # The largest value, as the scale says it.
    top: str
    first: date
    last: date
    # What a bar stands for.
    step: str
    width: int = WIDTH
    height: int = HEIGHT


def usage_chart(*, days: list[tuple[date, Figures]], measure: Measure) -> Chart:
    """A bar a day; of many days a bar for each week, or each four weeks."""
    size = next(size for size in STEPS if len(days) <= limits.USAGE_BARS * size)
    # The newest bar is a whole one.
    starts = range(len(days) % size - size if len(days) % size else 0, len(days), size)
    parts = [days[max(start, 0) : start + size] for start in starts]
    sums = [sum((figures for _, figures in part), Figures()) for part in parts]
    values = [value_of(one, measure) for one in sums]
    highest = max([*values, Decimal(0)]) or Decimal(1)
    step = Decimal(WIDTH) / len(parts)
    bars = []
    for number, (part, figures, value) in enumerate(zip(parts, sums, values, strict=True)):
        height = _round(value / highest * HEIGHT)
        bars.append(
            Bar(
                text=f"{_span(part[0][0], part[-1][0])}: {in_words(figures)}",
                x=_round(step * number + step * GAP / 2),
                width=_round(step * (1 - GAP)),
                y=HEIGHT - height,
                height=height,
            )
        )
    top = written(highest, measure) if any(values) else written(Decimal(0), measure)
    return Chart(bars=bars, top=top, first=days[0][0], last=days[-1][0], step=STEPS[size])


def value_of(figures: Figures, measure: Measure) -> Decimal:
    if measure == Measure.DOLLARS:
        return figures.cost
    return Decimal(figures.calls if measure == Measure.CALLS else figures.seconds)


def written(value: Decimal, measure: Measure) -> str:
    if measure == Measure.DOLLARS:
        return usd(value)
    return f"{int(value):,}" if measure == Measure.CALLS else f"{int(value) // 60:,} min"


def in_words(figures: Figures) -> str:
    calls = f"{figures.calls:,} call{'' if figures.calls == 1 else 's'}"
    if not figures.calls:
        return "no calls"
    average = whole_duration(figures.average_seconds)
    return f"{exact_minutes(figures.seconds)}, {usd(figures.cost)}, {calls} of {average}"


def _span(first: date, last: date) -> str:
    return day(first) if first == last else f"{day(first)} to {day(last)}"


def _round(value: Decimal) -> Decimal:
    return value.quantize(Decimal("0.1"))
