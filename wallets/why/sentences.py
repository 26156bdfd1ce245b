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

Subject = LoggedDecision.Subject

_LEVELS = "Balance {credit}, threshold {threshold}."
_NO_CHARGE = "Auto-Recharge did not charge"

AUTO_RECHARGE = {
    "off": "Auto-Recharge was off, so nothing was charged. Balance {credit}.",
    "closed": f"{_NO_CHARGE}: the account is closed.",
    "blocked": f"{_NO_CHARGE}: automatic charges are blocked until support lifts it. {_LEVELS}",
    "suspended": f"{_NO_CHARGE}: it is suspended ({{reason}}). {_LEVELS}",
    "balance_fine": f"{_NO_CHARGE}: the balance of {{credit}} is not below {{threshold}}.",
    "no_card": f"{_NO_CHARGE}: there is no card that can be charged. {_LEVELS}",
    "declined": f"{_NO_CHARGE}: the last charge failed; it tries again {{until}}. {_LEVELS}",
    "gateway": f"{_NO_CHARGE}: the payment service was not answering; it tries again {{until}}.",
    "purchase_pending": f"{_NO_CHARGE} again: a recharge is being confirmed. {_LEVELS}",
    "cooldown": f"{_NO_CHARGE}: a recharge was just paid; it looks again {{until}}. {_LEVELS}",
    "too_many": f"{_NO_CHARGE}: three charges in ten minutes; it tries again {{until}}. {_LEVELS}",
    "monthly_limit": f"{_NO_CHARGE}: {{spent}} of the {{limit}} monthly limit is used and another "
    "{amount} does not fit; the month starts anew {until}. Balance {credit}.",
    "charge": "Auto-Recharge charges {charge}: the balance of {credit} is below {threshold}.",
    "paid": "{card} was charged {charge}. The balance is {credit}.",
    "failed": "The charge of {charge} failed: {error} It tries again {until}.",
    "failed_for_good": "The charge of {charge} failed: {error}",
    "needs_bank": "The bank wants the charge of {charge} to be confirmed. Auto-Recharge waits "
    "until that is done.",
    "canceled": "The charge of {charge} was given up before any money moved: it was no longer "
    "wanted, or the payment service gave no answer.",
    "now_suspended": "Auto-Recharge is suspended from now on: {reason}.",
    "lifted": "Auto-Recharge is no longer suspended and looks at the balance again.",
}

_RUN = "The {charge} for {name}, due {period},"

ALLOCATION = {
    "planned": "{charge} for {minutes} a month became due for {name}.",
    "charged": "{card} was charged {charge}, and {name} got {minutes}.",
    "received": "{minutes} arrived from {name}.",
    "failed": f"{_RUN} was not paid: {{error}} It is tried again {{until}}.",
    "failed_for_good": f"{_RUN} was not paid: {{error}} Nothing more is tried by itself.",
    "needs_bank": f"{_RUN} waits until you confirm it with your bank.",
    "too_small": f"{_RUN} was not charged: {{error}}",
    "waiting": f"{_RUN} was not charged yet: it is tried again {{until}}.",
    "purchase_pending": f"{_RUN} was not charged again: a payment is being confirmed.",
    "inactive": f"{_RUN} was not charged: the monthly allocation was stopped.",
    "moved": f"{_RUN} was not charged: it is not your sub-account any more.",
    "closed": f"{_RUN} was not charged: an account is closed.",
    "blocked": f"{_RUN} was not charged: automatic charges are blocked until support lifts it.",
    "canceled": f"{_RUN} was given up before any money moved; it is tried again {{until}}.",
    "missed": "The month of {name} that was due {period} was missed: nothing was charged, and it "
    "is not made up for.",
    "skipped": "The month of {name} that was due {period} was skipped, as you chose.",
    "stopped": "The monthly allocation of {name} was stopped by {by}.",
}

_POOR = "{payable} can be paid, a campaign needs 1 min. Credit {credit}, {rate} a minute."

AUTOPAUSE = {
    "paused": f"{{name}} was paused: {_POOR}",
    "waiting": f"{{name}} was not paused, because a recharge is on its way: {_POOR}",
    "resumed": "{name} was resumed by {by}.",
    "resumed_by_itself": "{name} resumed by itself, because Auto-Recharge brought money.",
    "refused": "{name} was not started: {error}",
    "by_hand": "{name} was paused by {by}.",
    "account_closed": "{name} was paused: the account is closed.",
}

SENTENCES = {
    Subject.AUTO_RECHARGE: AUTO_RECHARGE,
    Subject.ALLOCATION: ALLOCATION,
    Subject.AUTOPAUSE: AUTOPAUSE,
}
# Of a code that this version does not know any more.
_UNKNOWN = "Decided: {code}."

TROUBLE = frozenset(
    {"failed", "failed_for_good", "now_suspended", "suspended", "needs_bank", "missed", "paused"}
    | {"no_card", "blocked", "too_small", "refused", "too_many", "monthly_limit", "declined"}
)
GOOD = frozenset({"paid", "charged", "received", "resumed", "resumed_by_itself", "lifted"})


def tone(decision: LoggedDecision) -> str:
    """How to mark it: warning, success or nothing."""
    if decision.code in TROUBLE:
        return "warning"
    return "success" if decision.code in GOOD else ""


def sentence(*, decision: LoggedDecision, zone: ZoneInfo) -> SafeString:
    """The decision as a sentence, its moments in the reader's time zone."""
    template = SENTENCES.get(decision.subject, {}).get(decision.code, _UNKNOWN)
    values = _Values({"name": decision.name, "code": decision.code})
    for figure, value in decision.figures.items():
        values[figure] = _written(figure, value, decision, zone)
    return SafeString(template.format_map(_Values(_escaped(values))))


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
