"""The figures of the balance chart."""

from datetime import date, timedelta
from decimal import Decimal

from wallets.views.chart import HEIGHT, balance_chart


def history(*balances: str) -> list[tuple[date, Decimal]]:
    return [
        (date(2026, 11, 1) + timedelta(days=day), Decimal(value))
        for day, value in enumerate(balances)
    ]


def test_the_scale_has_round_steps_and_begins_at_zero():
    chart = balance_chart(history=history("101.48", "32.52"), threshold=None)

    assert [tick.label for tick in chart.ticks] == ["$150", "$100", "$50", "$0"]
    assert chart.threshold_y is None


def test_a_negative_balance_is_below_the_zero_line():
    chart = balance_chart(history=history("20", "-5"), threshold=Decimal(10))

    labels = {tick.label: tick.y for tick in chart.ticks}
    assert list(labels) == ["$20", "$10", "$0", "−$10"]
    assert chart.threshold_y == labels["$10"]
    assert chart.line == "M0.0 0.0 L720.0 133.3"


def test_one_day_and_no_money_still_draw():
    chart = balance_chart(history=history("0"), threshold=None)

    assert chart.line == f"M0.0 {float(HEIGHT)}"


def test_days_with_recharges_have_a_dot_on_the_line():
    day = date(2026, 11, 2)

    chart = balance_chart(
        history=history("20", "70", "60"), threshold=None, recharges={day: Decimal(50)}
    )

    assert [(dot.x, dot.day, dot.amount) for dot in chart.dots] == [(360.0, day, Decimal(50))]
    assert f"L{chart.dots[0].x} {chart.dots[0].y}" in chart.line
    assert [recharged for _, _, recharged in chart.rows] == [None, Decimal(50), None]
