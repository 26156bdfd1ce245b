"""Figures of the Usage page."""

from decimal import ROUND_HALF_UP, Decimal

from django import template

from wallets.texts import MINUS, duration

register = template.Library()


@register.filter
def grouped(count: int) -> str:
    """Write a count: `10,000`."""
    return f"{count:,}"


@register.filter
def whole_duration(seconds: Decimal) -> str:
    """Write an average length to the second: `1 min 02 s`."""
    return duration(int(Decimal(seconds).quantize(Decimal(1), ROUND_HALF_UP)))


@register.filter
def change(now: Decimal | int, was: Decimal | int) -> str:
    """Write by how much it grew or fell: `+12%`, `−3%`; nothing when there was nothing before."""
    if not was:
        return ""
    percent = ((Decimal(now) / Decimal(was) - 1) * 100).quantize(Decimal(1), ROUND_HALF_UP)
    sign = MINUS if percent < 0 else "+" if percent else ""
    return f"{sign}{abs(percent):,}%"
