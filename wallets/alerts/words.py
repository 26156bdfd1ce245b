"""What an alert says: in the mail, in Slack, and on the page that previews it."""

from dataclasses import dataclass
from decimal import Decimal

from wallets import links
from wallets.forecasts.runway import spoken_days
from wallets.models import Alert
from wallets.texts import usd

Kind = Alert.Kind


@dataclass(frozen=True)
class Words:
    title: str
    text: str
    # A path of ours.
    link: str


def threshold(alert: Alert) -> str:
    """Its level as people write it: "$25.00", "120 minutes", "3 days"."""
    if alert.level is None:
        return ""
    if alert.kind == Kind.BALANCE:
        return usd(alert.level)
    unit = "minute" if alert.kind == Kind.MINUTES else "day"
    level = alert.level.normalize()
    return f"{level:,f} {unit}{'' if level == 1 else 's'}"


def name(alert: Alert) -> str:
    return f"{alert.get_kind_display()} {threshold(alert)}".strip()


def of(alert: Alert, *, value: Decimal | None = None) -> Words:
    """`value` is what the balance, the minutes or the days are now; events bring their words."""
    if alert.level is None:
        return Words(name(alert), alert.about, _LINKS[alert.kind]())
    return Words(name(alert), _fallen(alert, value), links.recharge())


def _fallen(alert: Alert, value: Decimal) -> str:
    level = threshold(alert)
    if alert.kind == Kind.BALANCE:
        return f"Your balance is {usd(value)}, below {level}."
    if alert.kind == Kind.MINUTES:
        return f"{int(value):,} minutes of all types are left, below {level}."
    return (
        f"At the pace of the last 7 days your balance and minutes last {spoken_days(value)}, less "
        f"than {level}."
    )


_LINKS = {Kind.DECLINE: links.payments, Kind.RATE: links.payments, Kind.ESTIMATE: links.payments}

_EXAMPLES = {
    Kind.DECLINE: "Visa •••• 4242 was declined: insufficient funds. You were not charged. Try a "
    "smaller amount or another card.",
    Kind.RATE: "A Premium minute costs $0.18 from 1 Jan 2027, 00:00 UTC on, now $0.16.",
    Kind.ESTIMATE: "The monthly allocation for Northside Dental was charged $54.00. Its estimate "
    "was $45.00.",
}


def example(alert: Alert) -> Words:
    """What it would say, with figures that are made up. Reads nothing."""
    if alert.level is None:
        return Words(name(alert), _EXAMPLES[alert.kind], _LINKS[alert.kind]())
    less = {Kind.BALANCE: Decimal("0.16"), Kind.MINUTES: Decimal(1), Kind.RUNWAY: Decimal("0.5")}
    value = max(Decimal(0), alert.level - less[alert.kind])
    return Words(name(alert), _fallen(alert, value), links.recharge())
