"""What a logged decision says, made of its code and figures when it is read.

Figures are texts (see `wallets.why.decisions`); their names say what they are.
"""

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.utils.html import format_html
from django.utils.safestring import SafeString

from wallets.models import AutoRecharge, LoggedDecision
from wallets.texts import rate, usd
from wallets.why import codes
from wallets.why.decisions import Decision

# Of a code that this version does not know any more.
_UNKNOWN = "Decided: {code}."


def tone(decision: LoggedDecision) -> str:
    """How to mark it: warning, success or nothing."""
    code = codes.find(decision.subject, decision.code)
    return code.tone if code else ""


def preview(decision: Decision) -> str:
    """What somebody reads who asks before anything is done: why nothing would be charged."""
    known = decision.figures.items()
    dollars = {name: usd(figure) for name, figure in known if isinstance(figure, Decimal)}
    return decision.code.now.format_map(_Values(dollars))


def sentence(*, decision: LoggedDecision, zone: ZoneInfo) -> SafeString:
    """The decision as a sentence, its moments in the reader's time zone."""
    code = codes.find(decision.subject, decision.code)
    template = code.sentence if code else _UNKNOWN
    values = _Values({"name": decision.name, "code": decision.code})
    for figure, value in decision.figures.items():
        values[figure] = _written(figure, value, decision, zone)
    return SafeString(template.format_map(_Values(_escaped(values))))  # nosec B703 # escaped right here


class _Values(dict):
    """Figures by name; one that was not written down is a dash."""

    def __missing__(self, figure: str) -> str:
        return "–"


def _escaped(values: dict[str, str]) -> dict[str, str]:
    return {figure: format_html("{}", value) for figure, value in values.items()}


def _written(figure: str, value: str, decision: LoggedDecision, zone: ZoneInfo) -> str:
    if figure == "until":
        return _moment(datetime.fromisoformat(value), seen=decision.last_at, zone=zone)
    if write := _WRITTEN.get(figure):
        return write(value)
    return value


def _dollars(value: str) -> str:
    return usd(Decimal(value))


def _rate(value: str) -> str:
    return rate(Decimal(value))


def _seconds(value: str) -> str:
    return f"{int(value):,} s"


def _day(value: str) -> str:
    return f"{date.fromisoformat(value):%-d %b %Y}"


def _reason(value: str) -> str:
    known = dict(AutoRecharge.Suspended.choices)
    label = known.get(value, value)
    return label[:1].lower() + label[1:]


_WRITTEN: dict[str, Callable[[str], str]] = {
    **dict.fromkeys(("credit", "threshold", "charge", "amount", "limit", "spent"), _dollars),
    "rate": _rate,
    "payable": _seconds,
    "period": _day,
    "reason": _reason,
}


def _moment(moment: datetime, *, seen: datetime, zone: ZoneInfo) -> SafeString:
    """Such as "at 10:14"; another day than the decision's is named."""
    local = moment.astimezone(zone)
    same_day = local.date() == seen.astimezone(zone).date()
    text = f"{local:%H:%M}" if same_day else f"{local:%-d %b, %H:%M}"
    return format_html(
        '{} <time datetime="{}">{}</time>', "at" if same_day else "on", local.isoformat(), text
    )
