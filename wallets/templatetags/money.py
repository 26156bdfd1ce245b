"""`wallets.texts` as template filters, and moments in the account's time zone."""

from datetime import UTC, date, datetime
from decimal import Decimal

from django import template
from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString

from accounts import clock
from wallets import texts
from wallets.models import Pot
from wallets.statements.monthly import PotMonth
from wallets.statements.rows import Moved, Row

register = template.Library()

for write in (
    texts.money,
    texts.signed_money,
    texts.exact_money,
    texts.signed_exact_money,
    texts.exact_minutes,
    texts.unsigned_money,
    texts.cents,
    texts.rate,
    texts.minutes,
    texts.duration,
    texts.signed_minutes,
    texts.day,
    texts.month,
):
    register.filter(write)


@register.simple_tag
def outcome_url() -> str:
    """Where a form shown now asks what it has charged, should its answer get lost."""
    return f"{reverse('wallets:outcome')}?{urlencode({'since': clock.now().isoformat()})}"


@register.filter
def pot_figure(one: PotMonth, amount: Decimal) -> str:
    """Write an amount of a month's pot, to the last digit."""
    write = texts.exact_money if one.pot == Pot.CREDIT else texts.exact_minutes
    return write(amount)


@register.filter
def pot_name(pot: str) -> str:
    return Pot(pot).label


@register.filter
def in_pot(row: Row, pot: str) -> Moved | None:
    """What a row of the statement moved in this pot."""
    return row.of(pot)


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
        return format_html('<time datetime="{}">{}</time>', moment.isoformat(), texts.day(moment))
    return _time(moment, zone=_zone(context, account), pattern="{day} {month} {year}")


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
