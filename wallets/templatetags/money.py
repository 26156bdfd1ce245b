"""How money, minutes and moments are written on pages and in mails. Display only: nothing
here is ever parsed or stored."""

from datetime import UTC, date, datetime
from decimal import Decimal

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from djmoney.money import Money

from wallets.texts import MINUS, usd

register = template.Library()

_SECONDS_PER_MINUTE = 60


@register.filter
def money(amount: Money | Decimal | int | None) -> str:
    """Write dollars rounded half-up to the cent: `$1,234.50`, `−$4.32`; nothing for None."""
    if amount is None or amount == "":
        return ""
    return usd(_dollars(amount))


@register.filter
def signed_money(amount: Money | Decimal | int | None) -> str:
    """Write a movement: `+$50.00`, `−$4.32`, `$0.00`."""
    written = money(amount)
    rose = written and not written.startswith(MINUS) and written != "$0.00"
    return f"+{written}" if rose else written


@register.filter
def unsigned_money(amount: Money | Decimal) -> str:
    """Write what would have moved and did not: `$35.00`."""
    return usd(abs(_dollars(amount)))


@register.filter
def cents(amount_cents: int | None) -> str:
    """Write whole cents, as cards are charged: `5000` is `$50.00`."""
    return "" if amount_cents is None else money(Decimal(amount_cents) / 100)


@register.filter
def rate(price: Money | Decimal) -> str:
    """Write a price per minute with every decimal it has, at least two: `$0.16`, `$0.0875`."""
    plain = f"{_dollars(price).normalize():f}"
    whole, _, decimals = plain.partition(".")
    return f"${whole}.{decimals.ljust(2, '0')}"


@register.filter
def minutes(seconds: int | Decimal | None) -> str:
    """Write whole minutes, rounded down, never below zero: `1,250`."""
    return f"{max(int(seconds or 0), 0) // _SECONDS_PER_MINUTE:,}"


@register.filter
def duration(seconds: int) -> str:
    """Write how long a call was: `4 min 04 s`, `22 s`."""
    whole, rest = divmod(seconds, _SECONDS_PER_MINUTE)
    return f"{whole:,} min {rest:02d} s" if whole else f"{rest} s"


@register.filter
def signed_minutes(seconds: int | Decimal) -> str:
    """Write a movement of minutes to the second: `+312 min 30 s`, `−1 min 05 s`."""
    whole, rest = divmod(abs(int(seconds)), _SECONDS_PER_MINUTE)
    sign = MINUS if seconds < 0 else "+"
    return f"{sign}{whole:,} min {rest:02d} s" if rest else f"{sign}{whole:,} min"


@register.simple_tag(takes_context=True)
def local_time(context: template.Context, moment: datetime | None, account=None) -> str:
    """Write a moment in the account's time zone, the zone in the tooltip: `22 Nov 2026, 09:14`."""
    if moment is None:
        return ""
    return _time(moment, zone=_zone(context, account), pattern="{day} {month} {year}, {time}")


@register.simple_tag(takes_context=True)
def near_time(context: template.Context, moment: datetime) -> str:
    """Write a moment of the next days in the account's time zone: `22 Nov, 09:14`."""
    return _time(moment, zone=_zone(context, None), pattern="{day} {month}, {time}")


@register.simple_tag(takes_context=True)
def local_date(context: template.Context, moment: datetime | date | None, account=None) -> str:
    """Write the day of a moment in the account's time zone, or a plain day: `22 Nov 2026`."""
    if moment is None:
        return ""
    if not isinstance(moment, datetime):
        return format_html('<time datetime="{}">{}</time>', moment.isoformat(), day(moment))
    return _time(moment, zone=_zone(context, account), pattern="{day} {month} {year}")


@register.filter
def day(value: date) -> str:
    """Write a calendar day: `1 Dec 2026`."""
    return f"{value.day} {value:%b} {value.year}"


@register.filter
def month(value: date) -> str:
    """Write a month: `December 2026`."""
    return f"{value:%B} {value.year}"


def _dollars(amount: Money | Decimal | int) -> Decimal:
    return amount.amount if isinstance(amount, Money) else Decimal(amount)


def _zone(context: template.Context, account):
    account = account or context.get("current_account")
    return account.zone if account else UTC


def _time(moment: datetime, *, zone, pattern: str) -> SafeString:
    local = moment.astimezone(zone)
    words = {"day": local.day, "month": f"{local:%b}", "year": local.year, "time": f"{local:%H:%M}"}
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        f"{local:%H:%M:%S} {getattr(zone, 'key', 'UTC')}",
        pattern.format(**words),
    )
